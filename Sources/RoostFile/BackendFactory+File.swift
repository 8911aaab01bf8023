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
  /// error; `durability` is one of ``FileDurability``.
  public static let file = BackendFactory(schemes: ["file"]) { url, context throws(StoreError) in
    var url = url
    let create = url.take("create") ?? "yes"
    guard create == "yes" || create == "no" else {
      throw StoreError(.invalidConfiguration, "create=\(create) is neither yes nor no")
    }
    var limits = FileStore.Limits()
    limits.durability = try url.takeChoice("durability", of: FileDurability.self) ?? .full
    try url.refuseParameters(known: Store.parameters + ["create", "durability"])
    return try FileStore.open(
      try FileStore.path(of: url), files: SystemFileSystem(), isCreating: create == "yes",
      functions: try TriggerFunctions(context.triggers), limits: limits, log: context.log)
  }
}

/// When a file store's commits are on the device: `durability` in its URL. Whatever it says, a
/// process that is killed loses nothing, and after a power cut the store is one that it was at some
/// moment, never a mixture.
public enum FileDurability: String, Sendable, CaseIterable {
  /// Before they are acknowledged. Nothing is lost.
  case full
  /// A second later at most. A power cut loses the commits of the last second.
  case interval
  /// When the operating system writes them, and when the store is closed or compacted. A power cut
  /// may lose all since then; Linux writes after about 30 seconds.
  case os
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

  /// When a store does what; the usual unless a test says otherwise.
  package struct Limits: Sendable {
    /// The journals are replaced by a snapshot when they outgrow it and so many bytes.
    package var compactionFloor: Int64
    /// Of the journals' lines.
    package var journal: Journal.Limits
    /// When commits are on the device.
    package var durability = FileDurability.full

    package init(
      compactionFloor: Int64 = JournalWriter.compactionFloor, journal: Journal.Limits = .init()
    ) {
      self.compactionFloor = compactionFloor
      self.journal = journal
    }
  }

  /// Takes a folder's lock, making the folder when it is not there, and reads the store back.
  /// - Parameter pieceLength: the usual unless a test says otherwise; see `Recovery`.
  /// - Returns: the folder, its lock, which is to be closed in the end, and the store.
  /// - Throws: `locked`, `corrupted`, `invalidConfiguration`, `accessDenied`, `storageFull`,
  ///   `inputOutput`.
  package static func recover(
    _ path: String, files: any FileSystem, isCreating: Bool = true,
    pieceLength: Int? = nil
  ) throws(StoreError) -> (folder: StoreFolder, lock: any OpenFile, store: RecoveredStore) {
    let folder = StoreFolder(path: path, files: files)
    let lock = try folder.enter(isCreating: isCreating)
    do throws(StoreError) {
      let recovery = Recovery(folder: folder, pieceLength: pieceLength ?? Recovery.pieceLength)
      return (folder, lock, try recovery.run())
    } catch {
      try? lock.close()
      throw error
    }
  }

  /// Opens a folder, making or repairing it as far as that loses nothing.
  /// - Throws: what `recover` throws.
  package static func open(
    _ path: String, files: any FileSystem, isCreating: Bool = true,
    functions: TriggerFunctions = .none, limits: Limits = Limits(),
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) throws(StoreError) -> any StorageBackend {
    let (folder, lock, store) = try recover(path, files: files, isCreating: isCreating)
    if store.tornBytes > 0 {
      log(
        LogLine(
          .warning,
          "\(path): the last write had not been finished; \(store.tornBytes) bytes of it, which "
            + "were never acknowledged, are in \(folder.quarantinePath)"))
    }
    let writer = JournalWriter(store, folder, lock: lock, limits: limits, log: log)
    let engine = Engine(store.state, log: writer)
    return EmbeddedBackend(
      engine, location: "file:\(path)", capabilities: [.durable], functions: functions,
      condition: { EmbeddedCondition(folder, failure: writer.failure) }
    ) { await engine.close() }
  }

  /// Writes a store as a snapshot, in the place of all that is in its folder.
  static func write(_ store: RecoveredStore, into folder: StoreFolder) throws(StoreError) {
    var journal = Journal(store, folder)
    do {
      let header = try journal.rotate()
      _ = try Compactor(folder: folder, log: { _ in }).write(store.state, header)
      try journal.close()
    } catch let error as WriteFailure {
      throw StoreError(error.cause, location: folder.path)
    } catch let error as FileError {
      throw StoreError(error, location: folder.path)
    } catch {
      throw StoreError(.internal, "\(error)")
    }
  }
}
