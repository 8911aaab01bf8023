package import RoostCore

extension StoreError {
  /// Says what a failed file operation means to the store.
  package init(_ error: FileError, location: String) {
    switch error.reason {
    case .notFound:
      self.init(.invalidConfiguration, "\(error.path) does not exist")
    case .permission:
      self.init(.accessDenied, "\(error)")
    case .noSpace:
      self.init(.storageFull, "\(error)")
    case .locked:
      self.init(.locked, "\(location) is open in another process or by another handle")
    case .symbolicLink:
      self.init(.invalidConfiguration, "\(error.path) is a symbolic link, which is not followed")
    case .alreadyExists, .wrongType, .device, .other:
      self.init(.inputOutput, "\(error)")
    }
  }

  /// Stored data that cannot be what was written.
  package static func damaged(_ path: String, _ reason: String) -> StoreError {
    StoreError(.corrupted, "\(path) is damaged: \(reason); nothing was changed")
  }
}
