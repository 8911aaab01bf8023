import Foundation

/// The command `Proofs`; `Tests/Proofs/run` builds it and runs it.
@main
struct ProofsCommand {
  static func main() async {
    var words = CommandLine.arguments.dropFirst()
    guard let name = words.popFirst() else { return usage() }
    if name == "child" { await CrashChild.run(Array(words)) }
    guard let proof = Proof.all.first(where: { $0.name == name }) else { return usage() }
    var count = 1
    var seed: UInt64 = 1
    var options: Set<String> = []
    while let word = words.popFirst() {
      if let number = Int(word), number > 0 {
        count = number
      } else if word == "--seed", let number = words.popFirst().flatMap({ UInt64($0) }) {
        seed = number
      } else if word.hasPrefix("--"), proof.options.contains(String(word.dropFirst(2))) {
        options.insert(String(word.dropFirst(2)))
      } else {
        return usage()
      }
    }
    let request = Proof.Request(count: count, seed: seed, options: options)
    let start = ContinuousClock.now
    print("\(name): \(count) from seed \(seed)")
    fflush(nil)
    do {
      let result = try await proof.run(request)
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let rate = String(format: "%.1f s, %.1f a second", seconds, Double(count) / seconds)
      print("\(name): holds: \(result); \(rate)")
    } catch {
      print("\(name): DOES NOT HOLD: \(error)")
      exit(1)
    }
  }

  private static func usage() {
    print("Tests/Proofs/run PROOF [COUNT] [--seed SEED] [OPTIONS]\n")
    for proof in Proof.all {
      let options = proof.options.sorted().map { " [--\($0)]" }.joined()
      print("  \(proof.name)\(options): \(proof.summary)")
    }
    exit(2)
  }
}
