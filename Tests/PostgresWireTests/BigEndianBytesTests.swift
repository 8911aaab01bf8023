import Testing

@testable import PostgresWire

@Suite struct BigEndianBytesTests {
  @Test func integersOfAllWidths() {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: UInt8(0x01))
    bytes.append(bigEndian: Int16(-2))
    bytes.append(bigEndian: UInt32(0x0304_0506))
    bytes.append(bigEndian: Int64.min)
    #expect(bytes == [1, 0xff, 0xfe, 3, 4, 5, 6, 0x80, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func aCopyStaysAsItWas() {
    var bytes: [UInt8] = [1, 2, 3, 4, 5]
    let before = bytes
    bytes.replace(from: 1, bigEndian: UInt16(0x0a0b))
    bytes.append(bigEndian: UInt16(0x0c0d))
    #expect(bytes == [1, 0x0a, 0x0b, 4, 5, 0x0c, 0x0d])
    #expect(before == [1, 2, 3, 4, 5])
  }

  @Test func growing() {
    var bytes: [UInt8] = []
    for number in 0..<1_000 { bytes.append(bigEndian: UInt32(number)) }
    #expect(bytes.count == 4_000)
    #expect(bytes.suffix(4) == [0, 0, 3, 0xe7])
  }
}
