import Foundation

/// The project's tree as the tidy rules see it: text files by their path from the root.
enum Repository {
    /// The root of the checkout, found from where this file was compiled.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let skippedFolders: Set<String> = [".git", ".venv", "out", "node_modules", "__pycache__"]

    /// Paths (from the root, sorted) of all files below `folder` whose name ends in one of `suffixes`.
    static func paths(in folder: String = "", endingIn suffixes: [String]) -> [String] {
        let base = root.appendingPathComponent(folder).path
        guard let walk = FileManager.default.enumerator(atPath: base) else { return [] }
        var found: [String] = []
        for case let path as String in walk {
            let name = path.split(separator: "/").last.map(String.init) ?? path
            if skippedFolders.contains(name) || name.hasPrefix(".build") {
                walk.skipDescendants()
            } else if suffixes.contains(where: name.hasSuffix) {
                found.append(folder.isEmpty ? path : folder + "/" + path)
            }
        }
        return found.sorted()
    }

    /// The text of the file at `path`, or nil when it is absent or not UTF-8.
    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Names of the folders directly in `folder`.
    static func folders(in folder: String) -> [String] {
        let base = root.appendingPathComponent(folder)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: base.path)) ?? []
        return names.filter { name in
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(
                atPath: base.appendingPathComponent(name).path, isDirectory: &isFolder)
            return exists && isFolder.boolValue && !name.hasPrefix(".")
        }.sorted()
    }

    /// All Swift sources below `folder` that people wrote.
    static func swiftSources(in folder: String) -> [SwiftSource] {
        paths(in: folder, endingIn: [".swift"]).compactMap { path in
            text(path).map { SwiftSource(path: path, text: $0) }
        }.filter { !$0.isGenerated }
    }
}
