import CLinux
import Glibc

/// A process that ends what the demo started when the demo ends in a way that leaves it no time: by SIGKILL, or by a crash.
///
/// It holds one end of a pipe and the demo the other, so that it learns of the end however the demo comes to it. It is in a
/// session of its own, where no signal of the terminal reaches it.
package enum Keeper {
    /// The hidden subcommand that is the keeper.
    package static let command = "keep"

    /// What the keeper does: waits for the end of its standard input and ends the processes of the demo in the folder.
    package static func run(folder: String) {
        var bytes = [UInt8](repeating: 0, count: 64)
        while true {
            let count = read(0, &bytes, bytes.count)
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        _ = Leftovers(folder: folder).end()
    }
}

/// The demo's end of it.
final class KeeperProcess {
    private static let endPatience = 6.0

    let child: ChildProcess
    private let descriptor: Int32
    private var isReleased = false

    /// - Parameter program: `heddle`.
    init(program: String, folder: RunFolder) throws(DemoError) {
        var ends: [Int32] = [-1, -1]
        guard heddle_pipe(&ends) == 0 else { throw .cannotStart(program: program, reason: "no pipe") }
        defer { close(ends[0]) }
        do {
            child = try ChildProcess(
                name: "keeper", program: program, arguments: ["demo", Keeper.command, folder.path], environment: [:],
                input: ends[0], inOwnSession: true, log: folder.log(of: "keeper"))
        } catch {
            close(ends[1])
            throw error
        }
        descriptor = ends[1]
    }

    deinit { release() }

    /// Lets the keeper look whether something is left, and end.
    func release() {
        guard !isReleased else { return }
        isReleased = true
        close(descriptor)
        _ = child.waitForEnd(seconds: Self.endPatience)
    }
}
