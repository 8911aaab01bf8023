// The only place that knows which C library the platform has. Every other file that needs a C
// name imports RoostCore and finds it there.

#if canImport(Glibc)
  @_exported public import Glibc
#elseif canImport(Musl)
  @_exported public import Musl
#elseif canImport(Darwin)
  @_exported public import Darwin
#endif

#if canImport(Glibc)
  /// The stream socket type, which Glibc spells as an enumeration and the others as a number.
  package let streamSocketType = Int32(SOCK_STREAM.rawValue)
#else
  /// The stream socket type.
  package let streamSocketType = SOCK_STREAM
#endif
