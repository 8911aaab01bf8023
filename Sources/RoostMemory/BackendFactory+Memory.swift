public import Roost
import Synchronization

extension BackendFactory {
  /// `memory:` keeps rows in this process. Each open of `memory:` is a store of its own;
  /// `memory:NAME` is shared by all who open that name, until the last of them closes it.
  public static let memory = BackendFactory(schemes: ["memory"]) {
    url, context throws(StoreError) in
    try url.refuseParameters(known: Store.parameters)
    let functions = try TriggerFunctions(context.triggers)
    let name = url.body
    guard !name.contains("/") else {
      throw StoreError(
        .invalidConfiguration, "a memory: URL has the form memory: or memory:NAME, without \"/\"")
    }
    if name.isEmpty {
      let engine = Engine(try DatabaseState())
      return EmbeddedBackend(
        engine, location: "memory:", capabilities: [], functions: functions
      ) { await engine.close() }
    }
    let engine = try SharedEngines.open(name)
    return EmbeddedBackend(
      engine, location: "memory:\(name)", capabilities: [], functions: functions
    ) { await SharedEngines.close(name) }
  }
}

/// The engines that are shared by name, with how many handles are open.
private enum SharedEngines {
  private static let engines = Mutex<[String: (engine: Engine, handles: Int)]>([:])

  static func open(_ name: String) throws(StoreError) -> Engine {
    try engines.withLock { engines throws(StoreError) in
      let engine: Engine
      if let open = engines[name]?.engine {
        engine = open
      } else {
        engine = Engine(try DatabaseState())
      }
      engines[name] = (engine, (engines[name]?.handles ?? 0) + 1)
      return engine
    }
  }

  static func close(_ name: String) async {
    let last = engines.withLock { engines -> Engine? in
      guard let (engine, handles) = engines[name] else { return nil }
      engines[name] = handles > 1 ? (engine, handles - 1) : nil
      return handles > 1 ? nil : engine
    }
    await last?.close()
  }
}
