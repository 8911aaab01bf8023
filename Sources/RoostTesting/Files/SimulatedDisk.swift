import RoostCore

/// What is on a simulated disk, and what the system keeps in memory of it. A value: a copy is
/// what the machine is like at that moment.
struct SimulatedDisk: Sendable {
  /// A file or a folder.
  struct Node: Sendable {
    var kind: FileStatus.Kind
    /// A file's bytes.
    var content = SimulatedContent()
    /// A folder's names, as programs see them.
    var entries: [String: Int] = [:]
    /// A folder's names on the device.
    var deviceEntries: [String: Int] = [:]
    /// The changes of names since the folder was synchronised, in order. Each is whole: a rename
    /// removes one name and sets another.
    var pending: [[String: Int?]] = []
    var permissions: UInt16
  }

  /// By number; the first is the root.
  private(set) var nodes = [Node(kind: .directory, permissions: 0o755)]
  /// Which open file holds the lock of a node.
  var locks: [Int: Int] = [:]
  var lastHandle = 0
  /// For what a failing device does.
  var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  func node(_ number: Int) -> Node { nodes[number] }

  mutating func withContent<Result>(
    _ number: Int, _ body: (inout SimulatedContent, inout SeededGenerator) -> Result
  ) -> Result {
    body(&nodes[number].content, &generator)
  }

  /// The folder and the name of a path's last part, and what it stands for.
  func find(
    _ path: String, _ operation: FileError.Operation
  ) throws(FileError) -> (folder: Int, name: String, node: Int?) {
    var parts = path.split(separator: "/")
    guard let last = parts.popLast() else { return (0, "", 0) }
    var folder = 0
    for part in parts {
      guard let next = nodes[folder].entries[String(part)] else {
        throw FileError(number: ENOENT, operation: operation, path: path)
      }
      guard nodes[next].kind == .directory else {
        throw FileError(number: ENOTDIR, operation: operation, path: path)
      }
      folder = next
    }
    return (folder, String(last), nodes[folder].entries[String(last)])
  }

  /// What a path stands for.
  func require(_ path: String, _ operation: FileError.Operation) throws(FileError) -> Int {
    guard let node = try find(path, operation).node else {
      throw FileError(number: ENOENT, operation: operation, path: path)
    }
    return node
  }

  mutating func add(_ node: Node, named name: String, in folder: Int) -> Int {
    nodes.append(node)
    change([name: nodes.count - 1], in: folder)
    return nodes.count - 1
  }

  /// Sets and removes names in a folder.
  mutating func change(_ names: [String: Int?], in folder: Int) {
    for (name, node) in names { nodes[folder].entries[name] = node }
    nodes[folder].pending.append(names)
  }

  mutating func synchronize(folder: Int) {
    nodes[folder].deviceEntries = nodes[folder].entries
    nodes[folder].pending = []
  }

  /// What a power loss leaves: what is on the device, and any part of what was on its way.
  func afterPowerLoss(_ generator: inout SeededGenerator) -> SimulatedDisk {
    let loss = PowerLoss(&generator)
    var left = self
    left.locks = [:]
    left.generator = SeededGenerator(seed: generator.next())
    var reached = [0]
    var next = 0
    while next < reached.count {
      let number = reached[next]
      next += 1
      if nodes[number].kind == .file {
        left.nodes[number].content = nodes[number].content.afterPowerLoss(loss, &generator)
        continue
      }
      var entries = nodes[number].deviceEntries
      for change in nodes[number].pending where loss.happens(&generator) {
        for (name, node) in change { entries[name] = node }
      }
      left.nodes[number].entries = entries
      left.nodes[number].deviceEntries = entries
      left.nodes[number].pending = []
      reached += entries.sorted { $0.key < $1.key }.map(\.value)
    }
    let kept = Set(reached)
    for number in nodes.indices where !kept.contains(number) {
      left.nodes[number] = Node(kind: .other, permissions: 0)
    }
    return left
  }
}
