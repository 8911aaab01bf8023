import Foundation
import RoostCore

/// The system's OpenSSL, opened at run time, so that nothing has to be installed to build, and
/// nothing to run without TLS.
///
/// `Sendable` is unchecked since C's function pointers are not; they never change, and these
/// functions may be called from any thread as long as each object is used by one at a time.
package struct OpenSSL: @unchecked Sendable {
  package typealias Object = OpaquePointer
  package typealias Bytes = UnsafeRawPointer
  package typealias Room = UnsafeMutableRawPointer
  package typealias Text = UnsafePointer<CChar>

  /// Where a client's certificate is chosen; the last argument is the caller's own.
  package typealias CertificateCallback = @convention(c) (Object?, Room?) -> Int32
  /// Where a passphrase is asked for: room, its size, whether to encrypt, the caller's own.
  package typealias PassphraseCallback =
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, Room?) -> Int32
  /// Where a server chooses a protocol: SSL, choice, its length, the offers, their length, own.
  package typealias ProtocolCallback =
    @convention(c) (
      Object?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
      UnsafePointer<UInt8>?, UInt32, Room?
    ) -> Int32

  // The manual page of each is called as the symbol in `init`.

  package let clientMethod: @convention(c) () -> Object?
  package let serverMethod: @convention(c) () -> Object?

  package let contextNew: @convention(c) (Object?) -> Object?
  package let contextFree: @convention(c) (Object?) -> Void
  package let contextControl: @convention(c) (Object?, Int32, Int, Room?) -> Int
  package let contextSetOptions: @convention(c) (Object?, UInt64) -> UInt64
  package let contextSetVerify: @convention(c) (Object?, Int32, Room?) -> Void
  package let contextUseSystemRoots: @convention(c) (Object?) -> Int32
  package let contextLoadRoots: @convention(c) (Object?, Text?, Text?) -> Int32
  package let contextStore: @convention(c) (Object?) -> Object?
  package let contextUseCertificate: @convention(c) (Object?, Text?) -> Int32
  package let contextUseKey: @convention(c) (Object?, Text?, Int32) -> Int32
  package let contextCheckKey: @convention(c) (Object?) -> Int32
  package let contextSetPassphraseCallback: @convention(c) (Object?, PassphraseCallback?) -> Void
  package let contextSetPassphraseData: @convention(c) (Object?, Room?) -> Void
  package let contextSetProtocols: @convention(c) (Object?, UnsafePointer<UInt8>?, UInt32) -> Int32
  package let contextSetProtocolCallback: @convention(c) (Object?, ProtocolCallback?, Room?) -> Void

  package let sessionNew: @convention(c) (Object?) -> Object?
  package let sessionFree: @convention(c) (Object?) -> Void
  package let sessionSetBuffers: @convention(c) (Object?, Object?, Object?) -> Void
  package let sessionSetConnecting: @convention(c) (Object?) -> Void
  package let sessionSetAccepting: @convention(c) (Object?) -> Void
  package let sessionControl: @convention(c) (Object?, Int32, Int, Room?) -> Int
  package let sessionVerifyParameters: @convention(c) (Object?) -> Object?
  package let sessionSetCertificateCallback:
    @convention(c) (Object?, CertificateCallback?, Room?) -> Void
  package let handshake: @convention(c) (Object?) -> Int32
  package let read: @convention(c) (Object?, Room?, Int32) -> Int32
  package let write: @convention(c) (Object?, Bytes?, Int32) -> Int32
  package let shutDown: @convention(c) (Object?) -> Int32
  package let sessionError: @convention(c) (Object?, Int32) -> Int32
  package let verifyResult: @convention(c) (Object?) -> Int
  package let peerCertificate: @convention(c) (Object?) -> Object?
  package let ownCertificate: @convention(c) (Object?) -> Object?
  package let selectedProtocol:
    @convention(c) (
      Object?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt32>?
    ) -> Void
  package let sessionVersion: @convention(c) (Object?) -> Text?
  package let sessionCipher: @convention(c) (Object?) -> Object?
  package let cipherName: @convention(c) (Object?) -> Text?

  package let bufferNew: @convention(c) (Object?) -> Object?
  package let bufferFree: @convention(c) (Object?) -> Int32
  package let bufferMethod: @convention(c) () -> Object?
  package let bufferRead: @convention(c) (Object?, Room?, Int32) -> Int32
  package let bufferWrite: @convention(c) (Object?, Bytes?, Int32) -> Int32
  package let bufferCount: @convention(c) (Object?) -> Int

  package let nextError: @convention(c) () -> UInt
  package let clearErrors: @convention(c) () -> Void
  package let errorReason: @convention(c) (UInt) -> Text?

  package let certificateFree: @convention(c) (Object?) -> Void
  package let certificateDigest:
    @convention(c) (
      Object?, Object?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>?
    ) -> Int32
  package let certificateSignature:
    @convention(c) (Object?, UnsafeMutablePointer<Int32>?, Room?, Room?, Room?) -> Int32
  package let verifyText: @convention(c) (Int) -> Text?
  package let verifyHost: @convention(c) (Object?, Text?, Int) -> Int32
  package let verifyAddress: @convention(c) (Object?, Text?) -> Int32
  package let verifySetHostFlags: @convention(c) (Object?, UInt32) -> Void
  package let storeLoad: @convention(c) (Object?, Text?, Text?) -> Int32
  package let storeSetFlags: @convention(c) (Object?, UInt) -> Int32
  package let numberToName: @convention(c) (Int32) -> Text?
  package let digestByName: @convention(c) (Text?) -> Object?

  private init(_ library: Library) throws(Unavailable) {
    clientMethod = try library("TLS_client_method")
    serverMethod = try library("TLS_server_method")
    contextNew = try library("SSL_CTX_new")
    contextFree = try library("SSL_CTX_free")
    contextControl = try library("SSL_CTX_ctrl")
    contextSetOptions = try library("SSL_CTX_set_options")
    contextSetVerify = try library("SSL_CTX_set_verify")
    contextUseSystemRoots = try library("SSL_CTX_set_default_verify_paths")
    contextLoadRoots = try library("SSL_CTX_load_verify_locations")
    contextStore = try library("SSL_CTX_get_cert_store")
    contextUseCertificate = try library("SSL_CTX_use_certificate_chain_file")
    contextUseKey = try library("SSL_CTX_use_PrivateKey_file")
    contextCheckKey = try library("SSL_CTX_check_private_key")
    contextSetPassphraseCallback = try library("SSL_CTX_set_default_passwd_cb")
    contextSetPassphraseData = try library("SSL_CTX_set_default_passwd_cb_userdata")
    contextSetProtocols = try library("SSL_CTX_set_alpn_protos")
    contextSetProtocolCallback = try library("SSL_CTX_set_alpn_select_cb")
    sessionNew = try library("SSL_new")
    sessionFree = try library("SSL_free")
    sessionSetBuffers = try library("SSL_set_bio")
    sessionSetConnecting = try library("SSL_set_connect_state")
    sessionSetAccepting = try library("SSL_set_accept_state")
    sessionControl = try library("SSL_ctrl")
    sessionVerifyParameters = try library("SSL_get0_param")
    sessionSetCertificateCallback = try library("SSL_set_cert_cb")
    handshake = try library("SSL_do_handshake")
    read = try library("SSL_read")
    write = try library("SSL_write")
    shutDown = try library("SSL_shutdown")
    sessionError = try library("SSL_get_error")
    verifyResult = try library("SSL_get_verify_result")
    peerCertificate = try library("SSL_get1_peer_certificate", "SSL_get_peer_certificate")
    ownCertificate = try library("SSL_get_certificate")
    selectedProtocol = try library("SSL_get0_alpn_selected")
    sessionVersion = try library("SSL_get_version")
    sessionCipher = try library("SSL_get_current_cipher")
    cipherName = try library("SSL_CIPHER_get_name")
    bufferNew = try library("BIO_new")
    bufferFree = try library("BIO_free")
    bufferMethod = try library("BIO_s_mem")
    bufferRead = try library("BIO_read")
    bufferWrite = try library("BIO_write")
    bufferCount = try library("BIO_ctrl_pending")
    nextError = try library("ERR_get_error")
    clearErrors = try library("ERR_clear_error")
    errorReason = try library("ERR_reason_error_string")
    certificateFree = try library("X509_free")
    certificateDigest = try library("X509_digest")
    certificateSignature = try library("X509_get_signature_info")
    verifyText = try library("X509_verify_cert_error_string")
    verifyHost = try library("X509_VERIFY_PARAM_set1_host")
    verifyAddress = try library("X509_VERIFY_PARAM_set1_ip_asc")
    verifySetHostFlags = try library("X509_VERIFY_PARAM_set_hostflags")
    storeLoad = try library("X509_STORE_load_locations")
    storeSetFlags = try library("X509_STORE_set_flags")
    numberToName = try library("OBJ_nid2sn")
    digestByName = try library("EVP_get_digestbyname")
  }
}

// MARK: Loading

extension OpenSSL {
  /// Why there is no OpenSSL, with what to install.
  package struct Unavailable: Error, Sendable {
    package let reason: String
  }

  /// The libraries by the names that the system's loader knows them by; those of one version
  /// together, the newest first.
  package static let systemLibraries: [[String]] = {
    #if canImport(Darwin)
      let folders = ["/opt/homebrew/lib/", "/usr/local/lib/", ""]
      return ["3", "1.1"].flatMap { version in
        folders.map { ["\($0)libcrypto.\(version).dylib", "\($0)libssl.\(version).dylib"] }
      }
    #else
      return ["3", "1.1"].map { ["libcrypto.so.\($0)", "libssl.so.\($0)"] }
    #endif
  }()

  private static let system = Result { () throws(Unavailable) in try open(systemLibraries) }

  /// The library, opened once; other names than the system's are for tests.
  package static func load(
    _ libraries: [[String]] = systemLibraries
  ) throws(Unavailable) -> OpenSSL {
    try libraries == systemLibraries ? system.get() : open(libraries)
  }

  private static func open(_ candidates: [[String]]) throws(Unavailable) -> OpenSSL {
    var reasons: [String] = []
    for names in candidates {
      do throws(Unavailable) {
        let library = try Library(names)
        // Other threads may still be encrypting when the process ends: it must not be cleaned up
        // under them. Source: OPENSSL_init_crypto(3), OPENSSL_INIT_NO_ATEXIT.
        let initialize: @convention(c) (UInt64, Room?) -> Int32 = try library("OPENSSL_init_ssl")
        _ = initialize(0x0008_0000, nil)
        return try OpenSSL(library)
      } catch {
        reasons.append(error.reason)
      }
    }
    throw Unavailable(
      reason: "TLS needs the system's OpenSSL 3 or 1.1.1; install it, for example with "
        + "`apt-get install libssl3` (\(reasons.joined(separator: "; ")))")
  }

  /// Opened libraries. They are never closed: what OpenSSL leaves in threads points into them.
  private struct Library {
    let handles: [UnsafeMutableRawPointer]

    init(_ names: [String]) throws(Unavailable) {
      var handles: [UnsafeMutableRawPointer] = []
      for name in names {
        guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
          let reason = dlerror().map { String(cString: $0) } ?? "\(name) cannot be opened"
          throw Unavailable(reason: reason)
        }
        handles.append(handle)
      }
      self.handles = handles
    }

    /// The function of the first of these names that is there. `Function` is a C function's type.
    func callAsFunction<Function>(_ names: String...) throws(Unavailable) -> Function {
      for name in names {
        for handle in handles {
          if let symbol = dlsym(handle, name) {
            return unsafeBitCast(symbol, to: Function.self)
          }
        }
      }
      throw Unavailable(reason: "the library lacks \(names.joined(separator: " and "))")
    }
  }
}

// MARK: Errors

extension OpenSSL {
  /// What OpenSSL says about the last failure on this thread, as libpq shows it: the first reason,
  /// which is the one closest to the cause. Its queue is empty afterwards.
  package func takeErrorText() -> String {
    let first = nextError()
    clearErrors()
    guard first != 0 else { return "no reason given" }
    return errorReason(first).map { String(cString: $0) } ?? "OpenSSL's error \(first)"
  }
}
