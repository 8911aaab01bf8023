import Foundation
import PostgresClient
import Roost
import RoostCore
import RoostPostgres
import RoostSystems

extension Command {
  static let ping = Command(
    name: "ping", usage: "", summary: "say whether the store answers", operands: 0...0,
    options: [
      Option(
        name: "--settings", value: nil,
        summary: "show what Postgres is connected to with, and where it is from")
    ]
  ) { arguments in
    let settings = try arguments.has("--settings") ? arguments.settings() : nil
    if !arguments.wantsJSON {
      for setting in settings ?? [] { Terminal.print("\(setting)  (\(setting.origin))") }
    }
    // A memory store that was just made answers by nature, so none has to be named with --from.
    let watch = Stopwatch()
    do {
      return try await arguments.withStore(
        migrations: [], migrate: .off, isReading: false
      ) { store in
        let health = await store.health()
        let milliseconds = (watch.seconds * 100_000).rounded() / 100
        if arguments.wantsJSON {
          let text = pingJSON(
            store.opening.location, isReady: health == .ready, milliseconds, settings)
          Terminal.print(text)
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
    } catch let error as StoreError {
      // Whoever asks for the settings mostly asks why it cannot be connected.
      if arguments.wantsJSON, settings != nil {
        Terminal.print(pingJSON(nil, isReady: false, nil, settings))
      }
      throw error
    }
  }

  private static func pingJSON(
    _ location: String?, isReady: Bool, _ milliseconds: Double?,
    _ settings: [PostgresConfiguration.Setting]?
  ) -> String {
    var json = JSONWriter()
    json.beginObject()
    if let location {
      json.key("backend")
      json.string(location)
    }
    json.key("ready")
    json.bool(isReady)
    if let milliseconds {
      json.key("milliseconds")
      json.raw("\(milliseconds)")
    }
    if let settings {
      json.key("settings")
      write(settings.map { ($0.keyword, $0.value) }, into: &json)
      json.key("origins")
      write(settings.map { ($0.keyword, $0.origin.description) }, into: &json)
    }
    json.endObject()
    return json.text
  }

  private static func write(_ fields: [(String, String)], into json: inout JSONWriter) {
    json.beginObject()
    for (name, value) in fields {
      json.key(name)
      json.string(value)
    }
    json.endObject()
  }
}

extension Arguments {
  /// What the store's URL and the environment come to for Postgres.
  fileprivate func settings() throws -> [PostgresConfiguration.Setting] {
    let scheme = try BackendURL(url).scheme
    guard BackendFactory.postgres.schemes.contains(scheme) else {
      throw UsageError("--settings is for a store in Postgres, not \(scheme):")
    }
    return try BackendFactory.postgresSettings(
      of: url, environment: ProcessInfo.processInfo.environment)
  }
}
