import Roost
import RoostCore
import RoostSystems

extension Command {
  static let ping = Command(
    name: "ping", usage: "", summary: "say whether the store answers", operands: 0...0
  ) { arguments in
    // A memory store that was just made answers by nature, so none has to be named with --from.
    let watch = Stopwatch()
    return try await arguments.withStore(migrations: [], migrate: .off, isReading: false) { store in
      let health = await store.health()
      let milliseconds = (watch.seconds * 100_000).rounded() / 100
      if arguments.wantsJSON {
        var json = JSONWriter()
        json.beginObject()
        json.key("backend")
        json.string(store.opening.location)
        json.key("ready")
        json.bool(health == .ready)
        json.key("milliseconds")
        json.raw("\(milliseconds)".utf8)
        json.endObject()
        Terminal.print(String(decoding: json.bytes, as: UTF8.self))
      } else if health == .ready {
        Terminal.print("ready after \(milliseconds) ms")
      }
      switch health {
      case .ready: return .success
      case .degraded(let reason), .unavailable(let reason):
        Terminal.complain(reason)
        return .failure
      }
    }
  }
}
