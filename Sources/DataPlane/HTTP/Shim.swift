import Bytes
import HTTPModel
package struct PathRules { package enum EscapedSlashes { case keep, reject, unescapeAndRedirect, unescapeAndForward }; package init(normalizesPath: Bool = false, mergesSlashes: Bool = false, escapedSlashes: EscapedSlashes = .keep) {}; package var isNeeded: Bool { false } }
enum PathNormalizer { enum R { case unchanged, changed, rejected, redirect }; static func normalize(_ f: inout HeaderBlock, _ r: PathRules) -> R { .unchanged } }
struct GRPCStatus { var rawValue: UInt32 = 0; init(httpStatus: Int) { rawValue = httpStatus == 200 ? 0 : 14 } }
enum GRPCMessage { static func percentEncode(_ b: UnsafeRawBufferPointer, into: inout ByteWriter) { into.append(b) } }
