extension Store {
  /// Opens the places of routes beside the main one, each with the whole schema.
  /// - Parameters:
  ///   - routes: the routes.
  ///   - tables: the routes as they were checked.
  ///   - main: the backend of all other tables, and what opening it did; closed when a place cannot
  ///     be opened.
  ///   - open: opens the backend of a URL and sees to its migrations.
  /// - Returns: the backend of all tables, and what opening did; the main one's where there is no
  ///   route.
  static func open(
    _ routes: [Route], _ tables: RoutedTables, beside main: OpenedBackend,
    _ open: (BackendURL) async throws(StoreError) -> OpenedBackend
  ) async throws(StoreError) -> OpenedBackend {
    if routes.isEmpty { return main }
    var backends = [main.backend]
    var meters = main.meters
    var fallbacks = main.fallbacks
    var (schema, report) = (main.schema, main.report)
    do {
      for route in routes {
        let place = try await open(try BackendURL(route.url))
        backends.append(place.backend)
        meters += place.meters
        fallbacks += place.fallbacks
        // Where rows are is where their columns' order is known.
        for table in route.tables { schema.tables[table] = place.schema.tables[table] }
        report.migrated += place.report.migrated.filter { !report.migrated.contains($0) }
        let degradations = [report.degradation, place.report.degradation].compactMap { $0 }
        report.degradation = degradations.isEmpty ? nil : degradations.joined(separator: "; ")
        report.passedOver += place.report.passedOver.filter { !report.passedOver.contains($0) }
      }
    } catch {
      for backend in backends { await backend.close() }
      throw error
    }
    let backend = RoutedBackend(tables, backends)
    report.location = backend.location
    return OpenedBackend(
      backend: backend, schema: schema, report: report, checksMigrations: main.checksMigrations,
      meters: meters, fallbacks: fallbacks)
  }
}

extension RoutedTables {
  /// Checks routes against a schema, before anything is opened.
  /// - Throws: as the other initialiser; `invalidConfiguration` for what is no URL.
  init(_ routes: [Route], main: BackendURL, _ schema: Schema) throws(StoreError) {
    var places: [(tables: [String], place: String)] = []
    for route in routes { places.append((route.tables, "\(try BackendURL(route.url))")) }
    try self.init(places, main: "\(main)", schema)
  }
}
