import Foundation
import PostgresClient
import Roost
import RoostBench
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems

/// A workload on one store, in a process of its own: `store WAY WORKLOAD URL RECORDS OPERATIONS
/// WORKERS SECONDS FILE`.
struct StoreChild {
  /// How the workload is done.
  enum Way: String {
    /// Through a store.
    case store
    /// A mix, through the driver alone.
    case driver
    /// Single calls as the table grows to RECORDS rows.
    case growth
  }

  private let way: Way
  private let name: String
  private let url: String
  private let file: String
  private var scale = Scale()

  init(_ words: [String]) throws {
    let numbers = words[4..<8].compactMap { Int($0) }
    guard let way = Way(rawValue: words[1]), numbers.count == 4 else {
      throw Failure("no such contestant: \(words)")
    }
    self.way = way
    (name, url, file) = (words[2], words[3], words[8])
    (scale.records, scale.operations) = (numbers[0], numbers[1])
    (scale.workers, scale.seconds) = (numbers[2], numbers[3])
  }

  func run() async throws {
    if way == .growth { return try await grow() }
    guard let workload = Workload.all.first(where: { $0.name == name }) else {
      throw Failure("no such workload: \(name)")
    }
    var scale = scale
    if case .graph = workload {
      let list = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
      scale.packages = try DebianPackageIndex.read(list, file: file)
    }
    let store = try await open(workload.migrations)
    guard way == .driver, case .mix(let mix, let kind) = workload else {
      print(try await workload.run(on: store, scale))
      return await store.close()
    }
    // The store has only made the tables.
    await store.close()
    let pool = try PostgresPool(PostgresConfiguration(url, environment: [:]))
    print(try await Workload.run(mix, DriverTarget(kind, pool), scale))
    await pool.close()
  }

  private func open(_ migrations: MigrationSet) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [migrations], migrate: .auto,
      environment: [:])
  }

  /// Prints the sum over all that was read, and for each size the rows and the figures.
  private func grow() async throws {
    let store = try await open(.bench)
    let (sizes, sum) = try await Growth.measure(on: store, upTo: scale.records)
    print(sum)
    for size in sizes {
      print(size.rows, size.figures.map { "\($0)" }.joined(separator: " "))
    }
    await store.close()
  }
}
