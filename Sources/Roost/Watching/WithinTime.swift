/// What a body comes to, or nil when it takes longer than a limit. Then it is cancelled, and not
/// waited for: whoever asks how things are gets an answer in time from whatever hangs.
package func withinTime<Result: Sendable>(
  _ limit: Duration, _ body: @escaping @Sendable () async -> Result
) async -> Result? {
  let answer = Promise<Result?>()
  let work = Task { answer.give(await body()) }
  let timer = Task {
    try? await Task.sleep(for: limit)
    answer.give(nil)
  }
  defer {
    work.cancel()
    timer.cancel()
  }
  return await answer.value
}
