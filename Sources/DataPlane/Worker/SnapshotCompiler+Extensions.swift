import ProxyModel
import SwiftProtobuf
import TrafficPolicy

/// What routes have of extensions: cluster specifiers and string matchers.
extension SnapshotCompiler {
    func specifiers(
        _ plugins: [Envoy_Config_Route_V3_ClusterSpecifierPlugin], _ statPrefix: String
    ) throws(ConfigProblem) -> [String: any ClusterSpecifier] {
        var specifiers: [String: any ClusterSpecifier] = [:]
        for (index, plugin) in plugins.enumerated() {
            do throws(ConfigProblem) {
                guard specifiers[plugin.extension.name] == nil else {
                    throw ConfigProblem("there are two of the name \"\(plugin.extension.name)\"", path: "extension.name")
                }
                if isLeftOut(plugin) { continue }
                specifiers[plugin.extension.name] = try specifier(plugin.extension, statPrefix)
            } catch {
                throw error.within("cluster_specifier_plugins[\(index)]")
            }
        }
        return specifiers
    }

    /// Whether a plugin is one that this program does not have and need not have.
    func isLeftOut(_ plugin: Envoy_Config_Route_V3_ClusterSpecifierPlugin) -> Bool {
        plugin.isOptional && resources.registry.specifierType(named: plugin.extension.typedConfig.messageName) == nil
    }

    /// Whether the cluster of a route is chosen by such a plugin: the route is passed over, as in Envoy.
    func isLeftOut(_ route: Envoy_Config_Route_V3_Route, _ scope: RouteScope) -> Bool {
        guard case .route(let action) = route.action else { return false }
        switch action.clusterSpecifier {
        case .clusterSpecifierPlugin(let name): return scope.absentSpecifiers.contains(name)
        case .inlineClusterSpecifierPlugin(let plugin): return isLeftOut(plugin)
        default: return false
        }
    }

    func specifier(
        _ config: Envoy_Config_Core_V3_TypedExtensionConfig, _ statPrefix: String
    ) throws(ConfigProblem) -> any ClusterSpecifier {
        do throws(ConfigProblem) {
            guard let type = resources.registry.specifierType(named: config.typedConfig.messageName) else {
                throw ConfigProblem("no cluster specifier of type \(config.typedConfig.messageName)")
            }
            return try type.makeSpecifier(config.typedConfig, buildContext(config.name, statPrefix))
        } catch {
            throw error.within("extension.typed_config")
        }
    }

    /// Makes the matchers of texts that are extensions.
    func customMatcher(_ statPrefix: String) -> RouteMatching.Custom {
        { (config) throws(PolicyError) in
            guard let type = resources.registry.matcherType(named: config.typedConfig.messageName) else {
                throw .invalidMatcher(name: config.name, reason: "no string matcher of type \(config.typedConfig.messageName)")
            }
            do throws(ConfigProblem) {
                return StringMatcher(.custom(try type.makePredicate(config.typedConfig, buildContext(config.name, statPrefix))))
            } catch {
                throw .invalidMatcher(name: config.name, reason: "\(error)")
            }
        }
    }
}
