extension BackendURL {
  /// The parameters that put layers around whatever backend a URL names.
  static let layerParameters = [
    "breaker", "cache", "cache_age", "chaos", "concurrency", "read_only", "retry", "slow",
    "timeout",
  ]

  /// Takes the layers that the parameters ask for, the outermost first.
  /// - Throws: `invalidConfiguration`, naming the parameter.
  mutating func takeLayers() throws(StoreError) -> [any StorageLayer] {
    var layers: [any StorageLayer] = []
    if try takeChoice("read_only", of: Switch.self) == .yes { layers.append(ReadOnlyLayer()) }
    let age = try takeCount("cache_age").map { Duration.seconds($0) }
    if let rows = try takeCount("cache") {
      layers.append(age.map { CacheLayer(rows: rows, age: $0) } ?? CacheLayer(rows: rows))
    } else if age != nil {
      throw StoreError(.invalidConfiguration, "cache_age needs cache=ROWS beside it")
    }
    if let failures = try takeCount("breaker") {
      layers.append(BreakerLayer(failureLimit: failures))
    }
    if let attempts = try takeCount("retry") { layers.append(RetryLayer(attempts: attempts)) }
    if let limit = try takeCount("concurrency") { layers.append(ConcurrencyLimitLayer(limit)) }
    if let milliseconds = try takeCount("timeout") {
      layers.append(TimeoutLayer(.milliseconds(milliseconds)))
    }
    if let chaos = take("chaos") { layers.append(ChaosLayer(try ChaosLayer.Options(chaos))) }
    return layers
  }

  private enum Switch: String, CaseIterable { case no, yes }

  /// Takes the threshold from which on calls are slow.
  /// - Throws: `invalidConfiguration`.
  mutating func takeSlowThreshold() throws(StoreError) -> Duration? {
    try takeCount("slow").map { .milliseconds($0) }
  }

  private mutating func takeCount(_ name: String) throws(StoreError) -> Int? {
    guard let text = take(name) else { return nil }
    guard let number = Int(text), (1...1_000_000).contains(number) else {
      throw StoreError(.invalidConfiguration, "\(name)=\(text) is no number from 1 to 1000000")
    }
    return number
  }
}

extension [any StorageLayer] {
  /// A program's layers, and a URL's among them by their places. Where both have one, the URL's
  /// counts: it is the operator's word.
  /// - Throws: `invalidConfiguration` when the program's are not in order.
  init(_ own: [any StorageLayer], or url: [any StorageLayer]) throws(StoreError) {
    let kept = own.filter { layer in !url.contains { $0.place == layer.place } }
    // The order of the program's own is checked; it was written by hand.
    try kept.requireOrder()
    self = (kept + url).sorted { $0.place < $1.place }
  }

  /// - Throws: `invalidConfiguration`.
  func requireOrder() throws(StoreError) {
    for (outer, inner) in zip(self, dropFirst()) where outer.place >= inner.place {
      throw StoreError(
        .invalidConfiguration,
        "the layer \(outer.place) cannot stand outside of \(inner.place); the order is "
          + LayerPlace.allCases.map { "\($0)" }.joined(separator: ", "))
    }
  }
}
