import Roost
import RoostFile
import RoostTesting
import Testing

/// Commits whose text all processors make.
@Suite(.timeLimit(.minutes(15))) struct LargeCommitTests {
  /// With long texts a slice ends before all of its rows are in it.
  @Test(arguments: [1, 400, 12_000]) func rowsStayInOrder(length: Int) async throws {
    let fixture = try FileStoreFixture()
    let notes = (0..<3_000).map { id in
      Note(id: id, text: "\(id) " + String(repeating: "é", count: (id * 7) % length))
    }
    // Without compaction, which would rename files while they are copied.
    let limits = FileStore.Limits(compactionFloor: .max, journal: .init(piece: 1 << 16))
    let store = try await fixture.open(limits: limits)
    #expect(try await store.load(notes) == notes.count)
    let crashed = try fixture.makeFolder("crashed", fixture.files())
    await store.close()
    #expect(try await fixture.rows(crashed) == notes.map(\.text))
    #expect(try await fixture.rows() == notes.map(\.text))
  }

  @Test func aLineThatIsTooLongLeavesNothing() async throws {
    let fixture = try FileStoreFixture()
    var limits = FileStore.Limits()
    limits.journal = .init(line: 1 << 18, piece: 1 << 14)
    let store = try await fixture.open(limits: limits)
    try await store.insert(Note(id: -1, text: "before"))
    let notes = (0..<3_000).map { Note(id: $0, text: String(repeating: "x", count: 200)) }
    await #expect(throws: StoreError.self) { try await store.load(notes) }
    try await store.insert(Note(id: -2, text: "behind"))
    await store.close()
    #expect(try await fixture.rows() == ["behind", "before"])
  }
}
