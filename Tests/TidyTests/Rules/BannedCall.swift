import Foundation

/// A call that the project does not make, where it does not make it, and what to write instead.
struct BannedCall: CustomStringConvertible, Sendable {
    /// Where a ban holds.
    enum Scope: Sendable {
        case everywhere
        /// `Sources`, but not the given path prefixes below it.
        case sources(except: [String])
        /// Only below these path prefixes.
        case only([String])

        func covers(_ path: String) -> Bool {
            switch self {
            case .everywhere: true
            case .sources(let except):
                path.hasPrefix("Sources/") && !except.contains { path.hasPrefix("Sources/" + $0) }
            case .only(let prefixes): prefixes.contains { path.hasPrefix($0) }
            }
        }
    }

    /// What the message calls it.
    let name: String
    /// A regular expression over one line of code (ICU's, because Swift's has no lookbehind).
    let pattern: String
    let instead: String
    let scope: Scope
    /// A line that the ban must catch; the tests of the rules feed it.
    let example: String

    var description: String { name }

    private static let compositionRoots = ["heddle/", "heddle-proxy/", "heddle-micro/"]
    private static let dataPath = ["Sources/DataPlane/", "Sources/Filters/"]

    static let all: [BannedCall] = [
        BannedCall(
            name: "try!", pattern: #"\btry!"#, instead: "a typed error, or a do and catch that says what failed",
            scope: .everywhere, example: "let text = try! load()"),
        BannedCall(
            name: "fatalError", pattern: #"\bfatalError\("#,
            instead: "preconditionFailure with a message that names the state",
            scope: .everywhere, example: "default: fatalError()"),
        BannedCall(
            name: "an empty catch", pattern: #"\bcatch\s*\{\s*\}"#, instead: "a catch that answers, counts or logs",
            scope: .everywhere, example: "do { try close() } catch {}"),
        BannedCall(
            name: "print", pattern: #"(?<![.\w])(print|debugPrint|dump)\("#, instead: "the proxy's own log",
            scope: .sources(except: compositionRoots), example: "        print(head)"),
        BannedCall(
            name: "Dispatch", pattern: #"\b(Dispatch(Queue|Source|Group|Semaphore|WorkItem)|import Dispatch)\b"#,
            instead: "the Reactor's event loop and timers", scope: .everywhere,
            example: "DispatchQueue.global().async { }"),
        BannedCall(
            name: "a thread", pattern: #"\bThread(\.detachNewThread\b|\s*[({])|\bpthread_create\(|\bOperationQueue\b"#,
            instead: "the event loop of the process: in a release build references are counted as if there were no other thread",
            scope: .sources(except: ["TestKit/"]), example: "Thread.detachNewThread { serve() }"),
        BannedCall(
            name: "sleeping", pattern: #"(\bThread\.sleep|\bTask\.sleep|(?<![.\w])(usleep|nanosleep|sleep)\()"#,
            instead: "a timer of the Reactor; in tests the manual clock or the event itself",
            scope: .everywhere, example: "usleep(1_000)"),
        BannedCall(
            name: "Task on the data path",
            pattern: #"\bTask(\.detached|\.immediate)?\s*(\([^)]*\)\s*)?\{|\bTask\.(detached|immediate)\b"#,
            instead: "a plain call, or `.perform` of the filter chain where a request truly waits",
            scope: .only(dataPath), example: "Task { await pool.take() }"),
        BannedCall(
            name: "async let or a task group on the data path",
            pattern: #"\basync\s+let\b|\bwith(Throwing)?(Discarding)?TaskGroup\b"#,
            instead: "calls on the worker's own actor: a child task starts on the global pool and hops back",
            scope: .only(dataPath), example: "async let host = cluster.pick()"),
        BannedCall(
            name: "the wall clock",
            pattern:
                #"\bDate\(\)|\bDate\.now\b|\b(Continuous|Suspending)Clock\(\)|\.(continuous|suspending)\.now|(?<![.\w])(gettimeofday\(|clock_gettime\(|time\((nil|&))"#,
            instead: "the injected clock, or `now:` as a parameter",
            // The last one measures CPU time.
            scope: .sources(except: ["Reactor/", "CLinux/", "heddle-micro/LuaBounds/Meter.swift"]), example: "let started = Date()"),
        BannedCall(
            name: "unseeded randomness",
            pattern:
                #"\bSystemRandomNumberGenerator\b|\.random\(in:(?![^\n]*\busing:)|\.random\(\)|\.(randomElement|shuffled|shuffle)\(\)|\bUUID\(\)|(?<![.\w])(?<!func )(arc4random|rand|getrandom)\w*\("#,
            instead: "the injected generator, passed as `using:` or `rng:`",
            scope: .everywhere, example: "let host = hosts.randomElement()"),
    ]

    /// Where `source` makes the call without a `// Rule zero:` line that says why.
    func findings(in source: SwiftSource) throws -> [Finding] {
        guard scope.covers(source.path) else { return [] }
        let regex = try NSRegularExpression(pattern: pattern)
        return source.code.enumerated().compactMap { index, line in
            let line = String(line)
            let whole = NSRange(line.startIndex..., in: line)
            guard regex.firstMatch(in: line, range: whole) != nil, !source.hasExemption(at: index, within: 3) else {
                return nil
            }
            return Finding(path: source.path, line: index + 1, message: "\(name) is not used here; instead: \(instead)")
        }
    }
}
