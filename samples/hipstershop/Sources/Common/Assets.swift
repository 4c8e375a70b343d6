import Foundation

/// The files that come with the program: templates, pictures, products.
enum Assets {
    enum Failure: Error, CustomStringConvertible {
        case missing(String)

        var description: String {
            switch self {
            case .missing(let name): "the file \(name), which comes with the program, is not there"
            }
        }
    }

    static let folder = Bundle.module.bundleURL.appendingPathComponent("Assets", isDirectory: true)

    static func text(_ name: String) throws -> String {
        do {
            return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        } catch {
            throw Failure.missing(folder.appendingPathComponent(name).path)
        }
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        do {
            return try [UInt8](Data(contentsOf: folder.appendingPathComponent(name)))
        } catch {
            throw Failure.missing(folder.appendingPathComponent(name).path)
        }
    }

    /// The files below a folder, by their path from there.
    static func files(below name: String) throws -> [String: [UInt8]] {
        let base = folder.appendingPathComponent(name)
        var files: [String: [UInt8]] = [:]
        guard let walk = FileManager.default.enumerator(atPath: base.path) else { throw Failure.missing(base.path) }
        for case let path as String in walk where path.contains(".") {
            files[path] = try [UInt8](Data(contentsOf: base.appendingPathComponent(path)))
        }
        return files
    }
}
