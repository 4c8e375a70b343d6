import CLinux
import DataPlane
import Glibc
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

/// Why a configuration is refused: lines for people, each with its place.
struct ConfigRefusal: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// A configuration that was read and found good.
struct ReadConfig: Sendable {
    /// The bootstrap in binary form.
    let bytes: [UInt8]
    /// What was accepted but is probably not meant, a line each.
    let warnings: String
    /// Where in the files its values stand; where it was read by another process, of nothing.
    var marks = ConfigMarks(file: "")
}

/// Reads configurations in a child process that ends when it has, so that neither the supervisor nor a worker carries
/// the memory of the YAML tree.
enum ConfigReader {
    /// Where the child writes the configuration; errors and warnings go to the next.
    private static let resultDescriptor: Int32 = 3
    private static let textDescriptor: Int32 = 4
    private static let maximumBytes = ConfigFormat.maximumBytes

    /// Reads what the options name.
    static func read(_ options: ProxyOptions) throws(ConfigRefusal) -> ReadConfig {
        do {
            let result = try pipe()
            let text = try pipe()
            let child = try LaunchedProcess.start(
                arguments(options), descriptors: [(result.write, resultDescriptor), (text.write, textDescriptor)])
            Glibc.close(result.write)
            Glibc.close(text.write)
            let (bytes, lines) = drain(result.read, text.read)
            Glibc.close(result.read)
            Glibc.close(text.read)
            let status = LaunchedProcess.wait(child)
            let message = String(decoding: lines, as: UTF8.self)
            guard status == 0 else {
                throw ConfigRefusal(description: message.isEmpty ? "reading the configuration ended with \(LaunchedProcess.text(status))" : message)
            }
            return ReadConfig(bytes: bytes, warnings: message)
        } catch let error as ConfigRefusal {
            throw error
        } catch {
            throw ConfigRefusal(description: "the configuration cannot be read: \(error)")
        }
    }

    /// The child's part.
    /// - Returns: the exit code.
    @WorkerActor static func runChild(_ options: ProxyOptions, registry: () -> HTTPFilterRegistry) -> Int32 {
        do throws(ConfigRefusal) {
            let config = try ConfigLoader.load(options, registry: registry)
            write(Array(config.warnings.utf8), textDescriptor)
            write(config.bytes, resultDescriptor)
            return 0
        } catch {
            write(Array(error.description.utf8), textDescriptor)
            return 1
        }
    }

    private static func arguments(_ options: ProxyOptions) -> [String] {
        var arguments = ["--decode-config"]
        if let path = options.configPath { arguments += ["-c", path] }
        if let text = options.configText { arguments += ["--config-yaml", text] }
        if let node = options.serviceNode { arguments += ["--service-node", node] }
        if let cluster = options.serviceCluster { arguments += ["--service-cluster", cluster] }
        if options.unknownStaticFields == .leftAside { arguments.append("--allow-unknown-static-fields") }
        return arguments
    }

    private static func pipe() throws(SystemError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard heddle_pipe(&ends) == 0 else { throw SystemError("pipe") }
        return (ends[0], ends[1])
    }

    /// Reads both to their end.
    private static func drain(_ first: Int32, _ second: Int32) -> ([UInt8], [UInt8]) {
        var polls = [pollfd(fd: first, events: Int16(POLLIN), revents: 0), pollfd(fd: second, events: Int16(POLLIN), revents: 0)]
        var results: [[UInt8]] = [[], []]
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while polls.contains(where: { $0.fd >= 0 }) {
            guard poll(&polls, 2, -1) > 0 else { continue }
            for index in 0..<2 where polls[index].fd >= 0 && polls[index].revents != 0 {
                let count = Glibc.read(polls[index].fd, &buffer, buffer.count)
                if count > 0, results[index].count < maximumBytes {
                    results[index] += buffer[..<count]
                } else if count == 0 || errno != EINTR {
                    polls[index].fd = -1
                }
            }
        }
        return (results[0], results[1])
    }

    private static func write(_ bytes: [UInt8], _ descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// Reads, checks and compiles a configuration in this process.
enum ConfigLoader {
    /// - Parameter log: hears what a worker would say of it.
    /// - Throws: every problem that was found, `file:line:column: path: message` a line.
    @WorkerActor static func load(
        _ options: ProxyOptions, registry: () -> HTTPFilterRegistry, log: Log = Log(levels: LogLevels(.off))
    ) throws(ConfigRefusal) -> ReadConfig {
        var sources: [ConfigSource] = []
        if let path = options.configPath {
            guard let bytes = ProcessFiles.read(path, limit: ConfigFormat.maximumBytes + 1) else {
                throw ConfigRefusal(description: "\(path): cannot be read: \(SystemError.text(errno))")
            }
            do throws(ConfigErrors) {
                sources.append(try ConfigSource(bytes: bytes, file: path))
            } catch {
                throw ConfigRefusal(description: error.description)
            }
        }
        if let text = options.configText { sources.append(ConfigSource(text: text, file: "--config-yaml", format: .yaml)) }
        let decoded: DecodedBootstrap
        do throws(ConfigErrors) {
            decoded = try ConfigDecoder.decodeBootstrap(sources, unknownFields: options.unknownStaticFields)
        } catch {
            throw ConfigRefusal(description: error.description)
        }
        var bootstrap = decoded.bootstrap
        if let node = options.serviceNode { bootstrap.node.id = node }
        if let cluster = options.serviceCluster { bootstrap.node.cluster = cluster }
        guard !bootstrap.hasControlPlane || (!bootstrap.node.id.isEmpty && !bootstrap.node.cluster.isEmpty) else {
            throw ConfigRefusal(
                description: "node: a control plane wants to know \"id\" and \"cluster\"; set them there or with"
                    + " --service-node and --service-cluster")
        }
        do throws(ConfigProblem) {
            try TrialCompiler.compile(bootstrap, registry: registry(), log: log)
        } catch {
            throw ConfigRefusal(description: decoded.marks.error(ConfigPath(parsing: error.path), error.message).description)
        }
        do {
            // Equal configurations have equal bytes, so that a reload knows what changed.
            var options = BinaryEncodingOptions()
            options.useDeterministicOrdering = true
            let bytes: [UInt8] = try bootstrap.serializedBytes(options: options)
            return ReadConfig(
                bytes: bytes, warnings: decoded.warnings.map(\.description).joined(separator: "\n"), marks: decoded.marks)
        } catch {
            throw ConfigRefusal(description: "the configuration cannot be serialized: \(error)")
        }
    }
}

extension Envoy_Config_Bootstrap_V3_Bootstrap {
    /// Whether someone is asked over gRPC for clusters or listeners.
    fileprivate var hasControlPlane: Bool {
        let dynamic = dynamicResources
        return dynamic.hasAdsConfig
            || [dynamic.ldsConfig, dynamic.cdsConfig].contains {
                if case .apiConfigSource? = $0.configSourceSpecifier { return true }
                return false
            }
    }
}
