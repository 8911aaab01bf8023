import Foundation
import Roost

extension Proof {
  /// Whether `power-loss` would see a store that leaves out a synchronisation.
  static let mutations = Proof(
    "mutations", "whether leaving out any one synchronisation makes power-loss fail"
  ) { request in
    let sites = try Mutations.sites(seed: request.seed)
    var lines: [String] = []
    for site in sites {
      guard
        let number = Mutations.scripts(seed: request.seed, leavingOut: site, most: request.count)
      else {
        throw Violation("nothing fails in \(request.count) scripts when \(site) is left out")
      }
      lines.append("\n  \(site): found in script \(number)")
    }
    return "\(sites.count) synchronisations, each of them needed\(lines.joined())"
  }
}

/// Stores that leave out a synchronisation.
package enum Mutations {
  /// As many scripts come through every synchronisation, also of what repairs a store.
  private static let scripts = 30

  /// The synchronisations of the file store, each by its place in the program.
  package static func sites(seed: UInt64) throws -> [String] {
    var sites: Set<String> = []
    for number in 0..<scripts {
      let script = PowerLossScript(
        seed: seed + UInt64(number), .init(isInterleaved: false, lossesPerCall: 1))
      _ = try script.run()
      sites.formUnion(script.sites)
    }
    return sites.sorted()
  }

  /// How many scripts it takes to find that a synchronisation is left out; nil when none finds it.
  package static func scripts(seed: UInt64, leavingOut site: String, most: Int) -> Int? {
    (1...most).first { number in
      let script = PowerLossScript(
        seed: seed + UInt64(number),
        .init(leftOut: site, isInterleaved: false, lossesPerCall: 1))
      return (try? script.run()) == nil
    }
  }
}
