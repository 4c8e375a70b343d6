import Foundation
import Glibc

/// Why the demo does not run.
package enum DemoError: Error, CustomStringConvertible {
    /// A program or a folder is not where it was looked for.
    case notFound(what: String, places: [String], advice: String)
    /// A program cannot be started.
    case cannotStart(program: String, reason: String)
    /// A process ended by itself.
    case ended(process: String, status: String, log: String)
    /// The shop does not answer in time.
    case notReady(seconds: Double, waitingFor: [String])
    /// A file or folder of the demo cannot be used.
    case file(path: String, reason: String)
    /// There is no example of this name.
    case unknownExample(name: String, known: [String])
    /// No proxy of this name runs.
    case noProxy(name: String)
    /// The proxy refuses a script.
    case refused(reason: String)
    /// A proxy refuses its new file.
    case refusedFile(proxy: String, log: String)
    /// A proxy does not say in time whether its new file is in force.
    case noAnswer(proxy: String, log: String)
    /// What stands between the services does not read its files anew.
    case noReload(mesh: String)
    /// No demo runs, so that there is nothing to switch.
    case notRunning(folder: String)
    /// A demo runs already.
    case alreadyRunning(folder: String, process: Int32)
    /// Processes of an earlier demo cannot be ended.
    case leftovers(processes: [Int32])

    /// What an error of a file says, without what only a program wants to know.
    static func reason(_ error: any Error) -> String {
        let error = error as NSError
        guard let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError, cause.domain == NSPOSIXErrorDomain else {
            return error.localizedFailureReason ?? error.localizedDescription
        }
        return String(cString: strerror(Int32(cause.code)))
    }

    package var description: String {
        switch self {
        case .notFound(let what, let places, let advice):
            "\(what) not found, looked for it at \(places.joined(separator: ", ")); \(advice)"
        case .cannotStart(let program, let reason): "cannot start \(program): \(reason)"
        case .ended(let process, let status, let log): "\(process) ended \(status)\n\(log)"
        case .notReady(let seconds, let waitingFor):
            "not ready after \(Int(seconds)) s: no answer from \(waitingFor.joined(separator: ", "))"
        case .file(let path, let reason): "\(path): \(reason)"
        case .unknownExample(let name, let known): "no example called \(name); there are: \(known.joined(separator: ", "))"
        case .noProxy(let name): "no workload called \(name) has a proxy"
        case .refused(let reason): "the proxy refuses it, and goes on as before:\n\(reason)"
        case .refusedFile(let proxy, let log): "the proxy of \(proxy) refuses its new file, and goes on as before; why is at the end of \(log)"
        case .noAnswer(let proxy, let log): "the proxy of \(proxy) does not say that its new file is in force; see the end of \(log)"
        case .noReload(let mesh):
            "the demo that runs has --mesh \(mesh), in which nothing reads its files anew; start one with `heddle demo`"
        case .notRunning(let folder): "no demo runs here (nothing in \(folder)); start one with `heddle demo`"
        case .alreadyRunning(let folder, let process):
            "a demo runs already (process \(process), \(folder)); stop it, or choose another --network"
        case .leftovers(let processes):
            "processes of an earlier demo do not end: \(processes.map(String.init).joined(separator: ", ")); end them, or choose another --network"
        }
    }
}
