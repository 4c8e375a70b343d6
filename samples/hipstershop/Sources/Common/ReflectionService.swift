import Foundation
import GRPCCore
import GRPCProtobuf
import SwiftProtobuf

/// `grpc.reflection.v1.ServerReflection`: what the server serves, for clients without the `.proto` files. It is there under
/// its earlier name `v1alpha` too, whose messages are the same.
struct ReflectionService: Grpc_Reflection_V1_ServerReflection.SimpleServiceProtocol {
    private static let earlierName = ServiceDescriptor(fullyQualifiedService: "grpc.reflection.v1alpha.ServerReflection")

    /// Names of the services that are told of.
    private let services: [String]
    /// Files by their names, serialized.
    private var files: [String: [UInt8]] = [:]
    private var imports: [String: [String]] = [:]
    /// The file of each service, method, message and enumeration.
    private var fileOfSymbol: [String: String] = [:]

    /// - Parameter services: full names of what the server serves besides this.
    init(services: [String]) throws {
        self.services = (services + [Grpc_Reflection_V1_ServerReflection.descriptor.fullyQualifiedService]).sorted()
        let all = try Google_Protobuf_FileDescriptorSet(serializedBytes: Assets.bytes("services.protoset"))
        for file in all.file {
            files[file.name] = try file.serializedBytes()
            imports[file.name] = file.dependency
            for symbol in Self.symbols(of: file) { fileOfSymbol[symbol] = file.name }
        }
    }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for service in [Grpc_Reflection_V1_ServerReflection.descriptor, Self.earlierName] {
            router.registerHandler(
                forMethod: MethodDescriptor(service: service, method: "ServerReflectionInfo"),
                deserializer: ProtobufDeserializer<Grpc_Reflection_V1_ServerReflectionRequest>(),
                serializer: ProtobufSerializer<Grpc_Reflection_V1_ServerReflectionResponse>(),
                handler: { request, context in try await serverReflectionInfo(request: request, context: context) })
        }
    }

    func serverReflectionInfo(
        request: RPCAsyncSequence<Grpc_Reflection_V1_ServerReflectionRequest, any Error>,
        response: RPCWriter<Grpc_Reflection_V1_ServerReflectionResponse>, context: ServerContext
    ) async throws {
        for try await question in request { try await response.write(answer(question)) }
    }

    private func answer(_ question: Grpc_Reflection_V1_ServerReflectionRequest) -> Grpc_Reflection_V1_ServerReflectionResponse {
        .with {
            $0.validHost = question.host
            $0.originalRequest = question
            $0.messageResponse = content(question)
        }
    }

    private func content(
        _ question: Grpc_Reflection_V1_ServerReflectionRequest
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        switch question.messageRequest {
        case .listServices:
            return .listServicesResponse(.with { $0.service = services.map { name in .with { $0.name = name } } })
        case .fileByFilename(let name):
            return described(name, as: name)
        case .fileContainingSymbol(let symbol):
            return described(fileOfSymbol[symbol], as: symbol)
        case .fileContainingExtension(let wanted):
            return Self.failed(.notFound, "no extension \(wanted.extensionNumber) of \(wanted.containingType)")
        case .allExtensionNumbersOfType(let type):
            guard fileOfSymbol[type] != nil else { return Self.failed(.notFound, "no type \(type)") }
            return .allExtensionNumbersResponse(.with { $0.baseTypeName = type })
        case nil:
            return Self.failed(.invalidArgument, "the request asks nothing")
        }
    }

    /// A file and all that it imports, itself first.
    private func described(
        _ file: String?, as wanted: String
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        guard let file, files[file] != nil else { return Self.failed(.notFound, "nothing is known of \(wanted)") }
        var names = [file]
        var next = 0
        while next < names.count {
            for name in imports[names[next]] ?? [] where !names.contains(name) { names.append(name) }
            next += 1
        }
        return .fileDescriptorResponse(.with { $0.fileDescriptorProto = names.compactMap { files[$0] }.map { Data($0) } })
    }

    private static func failed(
        _ code: RPCError.Code, _ message: String
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        .errorResponse(.with {
            $0.errorCode = Int32(code.rawValue)
            $0.errorMessage = message
        })
    }

    private static func symbols(of file: Google_Protobuf_FileDescriptorProto) -> [String] {
        let prefix = file.package.isEmpty ? "" : file.package + "."
        var symbols = file.messageType.flatMap { Self.symbols(of: $0, in: prefix) } + file.enumType.map { prefix + $0.name }
        for service in file.service {
            symbols.append(prefix + service.name)
            symbols += service.method.map { "\(prefix)\(service.name).\($0.name)" }
        }
        return symbols
    }

    private static func symbols(of message: Google_Protobuf_DescriptorProto, in prefix: String) -> [String] {
        let name = prefix + message.name
        return [name] + message.enumType.map { "\(name).\($0.name)" } + message.nestedType.flatMap { symbols(of: $0, in: name + ".") }
    }
}
