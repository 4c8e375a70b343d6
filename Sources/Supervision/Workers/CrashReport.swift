import CLinux
import DataPlane
import Glibc

/// What a worker that ended by a fatal signal left on its place of the board.
struct CrashReport {
    let record: heddle_crash_record
    /// What it worked on; nil when it worked on no request, or when the crash was elsewhere than on its loop.
    let request: RequestInHand?

    /// Whether `process`, whose record it is, did it itself: a fault that the processor met, or a call of `abort`. A
    /// signal that somebody sent is no fault of the request that was in hand.
    func isOwnFault(of process: Int32) -> Bool {
        let code = Int64(bitPattern: record.code)
        return code > 0 || record.sender == UInt64(process)
    }

    /// One line: the signal, where, the stack as offsets into the program, and the request.
    var text: String {
        var text = "signal \(record.signal) (\(String(cString: strsignal(Int32(truncatingIfNeeded: record.signal)))))"
        text += " at address 0x\(String(record.address, radix: 16)), stack"
        let count = Int(min(record.frame_count, UInt64(HEDDLE_CRASH_FRAMES)))
        withUnsafeBytes(of: record.frames) { bytes in
            let frames = bytes.bindMemory(to: UInt64.self)
            for index in 0..<count {
                let frame = frames[index]
                text += " 0x\(String(frame >= record.base ? frame - record.base : frame, radix: 16))"
            }
        }
        if let request { text += "; in hand \(request.text)" }
        return text
    }
}

extension RequestInHand {
    /// How the log and the admin interface write a fingerprint.
    static func text(_ fingerprint: UInt64) -> String {
        let digits = String(fingerprint, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    var text: String {
        var text = "request \(Self.text(fingerprint))"
        if !route.isEmpty { text += ", route \"\(route)\"" }
        if !filter.isEmpty { text += ", filter \"\(filter)\"" }
        if !script.isEmpty { text += ", script \"\(script)\"" }
        return text
    }
}
