import Foundation
import Glibc

/// A folder as Kubernetes mounts config maps and secrets: each file is a link to one below `..data`, which is a link to a
/// folder; a change is another folder and another link, renamed into the place of the first.
final class KubernetesFolder {
    let path: String
    private var count = 0

    init(_ path: String, _ files: [String: String]) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try replace(files)
        for name in files.keys {
            guard symlink("..data/\(name)", "\(path)/\(name)") == 0 else {
                throw ControlPlanePeer.Failed(description: "cannot link")
            }
        }
    }

    /// All files at once.
    func replace(_ files: [String: String]) throws {
        let old = "\(path)/..\(count)"
        count += 1
        let new = "..\(count)"
        try FileManager.default.createDirectory(atPath: "\(path)/\(new)", withIntermediateDirectories: false)
        for (name, text) in files { try text.write(toFile: "\(path)/\(new)/\(name)", atomically: false, encoding: .utf8) }
        guard symlink(new, "\(path)/..data_tmp") == 0, rename("\(path)/..data_tmp", "\(path)/..data") == 0 else {
            throw ControlPlanePeer.Failed(description: "cannot link")
        }
        if count > 1 { try FileManager.default.removeItem(atPath: old) }
    }
}
