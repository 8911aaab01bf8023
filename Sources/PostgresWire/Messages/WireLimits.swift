/// What the codec is willing to hold or send; every limit of the wire is here.
package enum WireLimits {
  /// The longest message in bytes, its length field included, in either direction.
  ///
  /// Source: `MaxAllocSize` in the server's `src/include/utils/memutils.h`, 1 GiB - 1.
  package static let messageByteCount = 0x3fff_ffff

  /// The longest message in bytes before the server has authenticated us, and it us.
  ///
  /// Source: libpq takes at most 30,000 bytes of an early error (`MAX_ERRLEN`) and 2,000 of an
  /// authentication request; one limit serves both.
  package static let earlyMessageByteCount = 30_000

  /// The longest text of a server that is not yet authenticated that an error repeats, in bytes.
  package static let earlyTextByteCount = 1_000

  /// The most parameters in one Bind: the count is an unsigned 16-bit number.
  package static let parameterCount = 65_535

  /// The most columns in one row. Source: `MaxTupleAttributeNumber`, 1,664 in the server's
  /// `src/include/access/htup_details.h`; the wire could carry 32,767.
  package static let columnCount = 32_767

  /// The most dimensions of an array. Source: `MAXDIM` in the server's `src/include/utils/array.h`.
  package static let arrayDimensionCount = 6

  /// The most run-time parameters of the server that a session remembers.
  package static let parameterStatusCount = 1_000

  /// The most names in a list: SASL mechanisms and unknown options. A server has two of the former,
  /// and can only repeat what we sent of the latter.
  package static let listedNameCount = 1_000

  /// The longest name of a protocol option that an error repeats, in bytes.
  package static let optionByteCount = 100

  /// A cancel key's longest length in bytes. Source: protocol 3.2; 3.0 always has 4.
  package static let cancelKeyByteCount = 256
}
