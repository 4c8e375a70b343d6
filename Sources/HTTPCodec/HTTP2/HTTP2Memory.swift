import CNGHTTP2
import Glibc

/// Memory of nghttp2: what it gives back is kept for its next object of about the same size, so that a request allocates
/// nothing once the sessions of a worker are warm.
///
/// Each piece has its size class in front of it, since the library frees without saying a size. Sessions use the
/// allocator of their pool, which they keep.
final class HTTP2Memory {
    /// Sizes of the same class differ by less than this.
    private static let step = 32
    /// Larger pieces, of which a session has a few for its whole life, come from the system.
    private static let classCount = 64
    /// Room for the class in front of a piece; keeps the alignment of malloc.
    private static let headerSize = 16
    /// Bytes kept for reuse; what is given back above that goes to the system.
    static let maximumKept = 1 << 20

    /// Pieces ever taken from the system; when it stops growing, pieces are reused.
    private(set) var piecesMade = 0

    // Safety: `free` has `classCount` elements, each the first of a list of free pieces that are linked by their first
    // word behind the header; all of it is owned here and freed in `deinit`.
    private let free: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private var kept = 0

    init() {
        free = .allocate(capacity: Self.classCount)
        free.initialize(repeating: nil, count: Self.classCount)
    }

    deinit {
        for index in 0..<Self.classCount {
            while let piece = free[index] {
                free[index] = piece.load(fromByteOffset: Self.headerSize, as: UnsafeMutableRawPointer?.self)
                Glibc.free(piece)
            }
        }
        free.deallocate()
    }

    /// The allocator in the form that the library copies; valid as long as this object.
    var functions: nghttp2_mem {
        // Safety: a session's pool owns this object, and the session its pool, until the library's session is deleted.
        nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { size, user in HTTP2Memory.of(user)._withUnsafeGuaranteedRef { $0.take(size) } },
            free: { piece, user in HTTP2Memory.of(user)._withUnsafeGuaranteedRef { $0.giveBack(piece) } },
            calloc: { count, size, user in HTTP2Memory.of(user)._withUnsafeGuaranteedRef { $0.takeCleared(count, size) } },
            realloc: { piece, size, user in HTTP2Memory.of(user)._withUnsafeGuaranteedRef { $0.resize(piece, size) } })
    }

    private static func of(_ user: UnsafeMutableRawPointer?) -> Unmanaged<HTTP2Memory> {
        .fromOpaque(user.unsafelyUnwrapped)
    }

    /// At least `size` bytes, at least two words.
    func take(_ size: Int) -> UnsafeMutableRawPointer? {
        let index = size / Self.step
        guard index < Self.classCount else { return fromSystem(size, index: size) }
        guard let piece = free[index] else { return fromSystem((index + 1) * Self.step, index: index) }
        free[index] = piece.load(fromByteOffset: Self.headerSize, as: UnsafeMutableRawPointer?.self)
        kept -= (index + 1) * Self.step
        return piece + Self.headerSize
    }

    /// The header of a large piece is its size, which is at least the first number that is no class.
    private func fromSystem(_ size: Int, index: Int) -> UnsafeMutableRawPointer? {
        guard let piece = malloc(size + Self.headerSize) else { return nil }
        piecesMade += 1
        piece.storeBytes(of: index, as: Int.self)
        return piece + Self.headerSize
    }

    func giveBack(_ memory: UnsafeMutableRawPointer?) {
        guard let memory else { return }
        let piece = memory - Self.headerSize
        let index = piece.load(as: Int.self)
        guard index < Self.classCount, kept < Self.maximumKept else {
            Glibc.free(piece)
            return
        }
        memory.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
        free[index] = piece
        kept += (index + 1) * Self.step
    }

    func takeCleared(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
        let (total, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow, let memory = take(total) else { return nil }
        memset(memory, 0, total)
        return memory
    }

    func resize(_ memory: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
        guard let memory else { return take(size) }
        let index = (memory - Self.headerSize).load(as: Int.self)
        let present = index < Self.classCount ? (index + 1) * Self.step : index
        if size <= present { return memory }
        guard let larger = take(size) else { return nil }
        memcpy(larger, memory, present)
        giveBack(memory)
        return larger
    }
}
