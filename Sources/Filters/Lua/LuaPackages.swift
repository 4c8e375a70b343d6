import DataPlane
import LuaRuntime
import Reactor

/// Envoy's `package_paths` and `package_cpaths`: where scripts find what they require, of a filter or of a route.
struct LuaPackages: Equatable {
    var paths: [String] = []
    /// Modules in C.
    var cpaths: [String] = []

    var isEmpty: Bool { paths.isEmpty && cpaths.isEmpty }

    /// What a trusted state runs before its script: the paths come before Lua's own.
    var prelude: String {
        var text = ""
        for (name, list) in [("path", paths), ("cpath", cpaths)] where !list.isEmpty {
            text += "package.\(name) = \(Self.quoted(list.joined(separator: ";") + ";")) .. package.\(name)\n"
        }
        return text
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for byte in text.utf8 {
            let digits = "\(byte)"
            result += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
        return result + "\""
    }
}

/// Machines that filters share (`shared_vm_id`): those of one id with the same script, the same modules and the same settings
/// are one.
///
/// A configuration that is put in force anew finds the machine that is there, with its globals, as long as all of that is
/// the same. What was changed since, in the configuration or because its file was looked at (`reload_interval`), begins in a
/// new state; requests under way keep the old one.
@WorkerActor final class LuaSharedMachines {
    private struct Entry {
        // Gone with the last filter that uses it.
        weak var script: LuaScript?
    }

    private var entries: [String: Entry] = [:]

    nonisolated init() {}

    /// The machine that is there already, or the one that `make` makes.
    func script(_ key: String, _ make: () throws(LuaError) -> LuaScript) throws(LuaError) -> LuaScript {
        // One whose file has changed runs something else than it was made with.
        if let script = entries[key]?.script, script.changes == 0 { return script }
        let script = try make()
        entries = entries.filter { $0.value.script != nil }
        entries[key] = Entry(script: script)
        return script
    }
}

/// Where a filter's machines are shared.
struct LuaSharing {
    let id: String
    let machines: LuaSharedMachines
}

extension LuaSettings {
    /// Takes the paths of a filter or route: what lies there is read now, unless the script is trusted to read it itself.
    mutating func take(_ packages: LuaPackages) throws(ConfigProblem) {
        guard !packages.isEmpty || !self.packages.isEmpty else { return }
        self.packages = packages
        if trust == .trusted { return }
        guard packages.cpaths.isEmpty else {
            throw ConfigProblem("modules in C need `trust: TRUSTED` of a heddle.filters.http.lua.v1.LuaFilter", path: "package_cpaths")
        }
        places.patterns = packages.paths.flatMap { $0.split(separator: ";").map(String.init) }
        do throws(ConfigProblem) {
            modules = try places.read()
        } catch {
            // The folder of the filter itself could be read before.
            throw ConfigProblem(error.message, path: "package_paths")
        }
    }

    /// What tells machines apart that may be shared.
    /// - Parameter file: where the script is read; nil for one that stands in the configuration.
    func sharingKey(_ source: [UInt8], _ file: String?) -> String {
        // Each file is looked at for itself, whatever others hold the same text.
        let watched = reloadInterval > 0 ? file ?? "" : ""
        let settings = "\(limits) \(trust) \(places) \(packages) \(reloadInterval) \(version.name)"
        let contents = modules.sorted { $0.key < $1.key }.map { "\($0.key) \(LuaVersionPlan.digest($0.value.source))" }
        return [sharing?.id ?? "", settings, watched, contents.joined(separator: " "), LuaVersionPlan.digest(source)]
            .joined(separator: "\0")
    }
}
