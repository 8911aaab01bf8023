import Foundation
public import Roost
package import RoostCore
package import RoostMemory

extension BackendFactory {
  /// `file:PATH` keeps rows in a folder as JSON that people can read, durable on commit.
  ///
  /// The path is relative to the working directory or absolute (`file:/srv/data`,
  /// `file:///srv/data`); the folder is made when only its last part is missing. One process has
  /// a store open at a time. With the parameter `create=no` a store that is not there is an
  /// error.
  public static let file = BackendFactory(schemes: ["file"]) { url, context throws(StoreError) in
    var url = url
    let create = url.take("create") ?? "yes"
    guard create == "yes" || create == "no" else {
      throw StoreError(.invalidConfiguration, "create=\(create) is neither yes nor no")
    }
    try url.refuseParameters(known: Store.parameters + ["create"])
    return try FileStore.open(
      try FileStore.path(of: url), files: SystemFileSystem(), isCreating: create == "yes",
      functions: try TriggerFunctions(context.triggers), log: context.log)
  }
}

/// A store in a folder.
package enum FileStore {
  /// The path that a `file:` URL names.
  /// - Throws: `invalidConfiguration` for a URL with a host or without a path.
  package static func path(of url: BackendURL) throws(StoreError) -> String {
    var body = url.body
    if body.hasPrefix("//") {
      guard body.hasPrefix("///") else {
        throw StoreError(
          .invalidConfiguration,
          "a file: URL names no host: write file:PATH, file:/PATH or file:///PATH")
      }
      body.removeFirst(2)
    }
    guard var path = body.removingPercentEncoding, !path.isEmpty, !path.contains("\0") else {
      throw StoreError(.invalidConfiguration, "a file: URL needs a path, as in file:PATH")
    }
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// Opens a folder, making or repairing it as far as that loses nothing. The journals are
  /// replaced by a snapshot when they outgrow it and `compactionFloor` bytes; nil for the usual.
  /// - Throws: `locked`, `corrupted`, `invalidConfiguration`, `accessDenied`, `storageFull`,
  ///   `inputOutput`.
  package static func open(
    _ path: String, files: any FileSystem, isCreating: Bool = true,
    functions: TriggerFunctions = .none, compactionFloor: Int64? = nil,
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) throws(StoreError) -> any StorageBackend {
    let folder = StoreFolder(path: path, files: files)
    try folder.prepare(isCreating: isCreating)
    let lock = try folder.attempt { () throws(FileError) in
      let file = try files.open(folder.lockPath, .create)
      try file.lock()
      return file
    }
    let store = try Recovery(folder: folder).run()
    if store.tornBytes > 0 {
      log(
        LogLine(
          .warning,
          "\(path): the last write had not been finished; \(store.tornBytes) bytes of it, which "
            + "were never acknowledged, are in \(folder.quarantinePath)"))
    }
    let writer = try JournalWriter(
      store, folder, lock: lock, compactionFloor: compactionFloor ?? JournalWriter.compactionFloor,
      log: log)
    let engine = Engine(store.state, log: writer)
    return EmbeddedBackend(
      engine, location: "file:\(path)", capabilities: [.durable], functions: functions,
      condition: { EmbeddedCondition(folder, failure: writer.failure) }
    ) { await engine.close() }
  }
}
