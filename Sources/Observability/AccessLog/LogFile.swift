import Bytes
import Glibc

/// Why a log file could not be opened.
public enum LogFileError: Error, Equatable, CustomStringConvertible {
    case cannotOpen(path: String, code: Int32)
    case cannotStart(what: String, code: Int32)
    /// More files than a process may have.
    case tooManyFiles(limit: Int)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let code): "cannot open the log file \(path): \(String(cString: strerror(code)))"
        case .cannotStart(let what, let code): "\(what): \(String(cString: strerror(code)))"
        case .tooManyFiles(let limit): "more than \(limit) log files"
        }
    }
}

/// One file that lines are appended to by the event loop and written by the ``LogFileWriter``'s thread.
public final class LogFile: @unchecked Sendable {
    // Safety: the event loop alone uses it; the writer's thread sees the `WrittenFile`, which says who may change what.

    /// Where the bytes go.
    enum Target: Hashable {
        case path(String)
        /// 1 or 2; not closed, not reopened.
        case standard(Int32)
    }

    let target: Target
    // Safety: freed in `deinit`; the writer holds its files until its thread has ended.
    let state: UnsafeMutablePointer<WrittenFile>
    // Safety: `unowned`: the writer owns its files, and whoever holds a file holds the writer (see `LogFileWriter`).
    private unowned let writer: LogFileWriter

    init(target: Target, bufferSize: Int, writer: LogFileWriter) throws(LogFileError) {
        self.target = target
        self.writer = writer
        let file =
            switch target {
            case .standard(let number): WrittenFile(path: nil, descriptor: number, bufferSize: bufferSize)
            case .path(let path): WrittenFile(path: path, descriptor: path.withCString(WrittenFile.open), bufferSize: bufferSize)
            }
        guard file.descriptor >= 0 else {
            let error = LogFileError.cannotOpen(path: file.path.map { String(cString: $0) } ?? "", code: file.openError)
            file.deallocate()
            throw error
        }
        state = .allocate(capacity: 1)
        state.initialize(to: file)
    }

    deinit {
        if case .path = target { close(state.pointee.descriptor) }
        state.pointee.deallocate()
        state.deallocate()
    }

    /// Appends whole lines, newlines included.
    /// - Returns: false when they were dropped, since the disk is slower than the requests; the writer counts that.
    @discardableResult
    public func append(_ lines: UnsafeRawBufferPointer) -> Bool {
        guard let waiting = state.pointee.ring.append(lines) else {
            writer.dropped()
            return false
        }
        writer.appended(waiting: waiting, added: lines.count)
        return true
    }
}
