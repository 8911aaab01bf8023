package import PostgresClient
import RoostCore
import Synchronization

/// A conversation with a scripted session in memory: no socket, no thread, no clock.
///
/// What is written is answered before the write returns. When there is nothing to be read and
/// nothing more is written, the conversation ends, as it would by a deadline: so silence takes no
/// time.
package final class MemoryTransport: Transport, Sendable {
  /// How many bytes went each way.
  package struct Counts: Sendable, Equatable {
    package var fromClient = 0
    package var fromServer = 0
  }

  private struct State {
    var session: ScriptedSession
    var answer: [UInt8] = []
    var counts = Counts()
    var isCut = false
    var emptyReads = 0
  }

  /// How many reads in a row may find nothing.
  private static let emptyReadCount = 50

  private let state: Mutex<State>
  private let client: WireFaults
  private let server: WireFaults

  /// A conversation with faults in what the client and the server say.
  package init(
    _ session: ScriptedSession, client: WireFaults = WireFaults(),
    server: WireFaults = WireFaults()
  ) {
    state = Mutex(State(session: session))
    self.client = client
    self.server = server
  }

  /// How many bytes went each way so far.
  package var counts: Counts { state.withLock { $0.counts } }

  package var readDescriptor: Int32 { -1 }
  package var writeDescriptor: Int32 { -1 }
  /// Always: a wait would be for ever.
  package var hasBufferedBytes: Bool { true }
  package var failureText: String? { nil }

  package func shutDown() {
    state.withLock { $0.isCut = true }
  }

  package func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress {
    state.withLock { state in
      guard !state.answer.isEmpty else {
        state.emptyReads += 1
        return state.isCut || state.emptyReads > Self.emptyReadCount ? .end : .wouldBlock
      }
      let part = state.answer.prefix(min(room.count, server.sliceByteCount ?? room.count))
      room.copyBytes(from: part)
      state.answer.removeFirst(part.count)
      return .moved(part.count)
    }
  }

  package func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress {
    state.withLock { state in
      guard !state.isCut else { return .failed(EPIPE) }
      state.emptyReads = 0
      var part = Array(bytes.prefix(client.sliceByteCount ?? bytes.count))
      let passing = client.apply(to: &part, at: state.counts.fromClient)
      state.counts.fromClient += passing
      if passing < part.count { state.isCut = true }
      guard
        var answer = try? part.prefix(passing).withUnsafeBytes({ try state.session.receive($0) })
      else {
        // A server that cannot make sense of it hangs up.
        state.isCut = true
        return .moved(part.count)
      }
      let said = server.apply(to: &answer, at: state.counts.fromServer)
      state.counts.fromServer += said
      if said < answer.count { state.isCut = true }
      state.answer += answer.prefix(said)
      return .moved(part.count)
    }
  }
}
