import PostgresWire
import RoostCore
import Synchronization

/// The password of an attempt to start a session.
struct FoundPassword {
  /// Nil when there is none.
  var text: String?
  /// What whoever reads that the password is wrong or missing ought to know; nil for nothing.
  var remark: String?
}

extension ConnectionCore {
  /// The password for a host: the provider's, else the configuration's, else the password file's.
  func findPassword(
    for host: PostgresConfiguration.Host, until deadline: Deadline
  ) async throws(PostgresError) -> FoundPassword {
    if let provider = configuration.credentialProvider {
      return FoundPassword(text: try await ask(provider, for: host, until: deadline))
    }
    if let password = configuration.password, !password.isEmpty {
      return FoundPassword(text: password)
    }
    guard let path = configuration.passwordFile else { return FoundPassword() }
    switch PasswordFile(path).find(
      host, database: configuration.database, user: configuration.user)
    {
    case .none: return FoundPassword()
    case .password(let text):
      return FoundPassword(text: text, remark: "the password is from the file \"\(path)\"")
    case .ignored(let reason):
      let remark = "\(reason), and is passed over"
      configuration.onNotice?(
        PostgresServerMessage(severity: .warning, sqlState: .warning, message: remark))
      return FoundPassword(remark: remark)
    }
  }

  /// Asks the program's provider, which runs elsewhere: after the deadline it is cancelled and left
  /// to end by itself.
  private func ask(
    _ provider: @escaping PostgresConfiguration.CredentialProvider,
    for host: PostgresConfiguration.Host, until deadline: Deadline
  ) async throws(PostgresError) -> String {
    let request = PostgresConfiguration.CredentialRequest(
      host: host, user: configuration.user, database: configuration.database)
    let answer = ProvidedPassword()
    let id = loop.makeWaitID()
    let task = Task { [loop] in
      do {
        let password = try await provider(request)
        answer.value.withLock { $0 = .success(password) }
      } catch {
        // Its text may repeat a secret; its type does not.
        let failure = PostgresError(
          .credentialsFailed, "the credential provider threw \(type(of: error))")
        answer.value.withLock { $0 = .failure(failure) }
      }
      loop.signal(id, .ready)
    }
    switch await loop.wait(id, descriptor: -1, events: 0, deadline: deadline) {
    case .ready: break
    case .deadline:
      task.cancel()
      throw PostgresError(
        .connectTimeout, "the connect deadline passed before the credential provider answered")
    case .cancelled:
      task.cancel()
      throw PostgresError(.cancelled, "cancelled while the credential provider was asked")
    }
    let password = try answer.value.withLock { $0 }?.get() ?? ""
    guard !password.isEmpty, !password.utf8.contains(0) else {
      throw PostgresError(
        .credentialsFailed,
        "the credential provider gave a password that is empty or has a NUL character")
    }
    return password
  }

  private final class ProvidedPassword: Sendable {
    let value = Mutex<Result<String, PostgresError>?>(nil)
  }
}
