package import ProxyModel
import SwiftProtobuf

/// One response, whichever form of the protocol it came in.
package struct DiscoveryUpdate: Equatable, Sendable {
    /// One resource of it.
    package struct Offer: Equatable, Sendable {
        /// The name beside the resource; nil in the state of the world, where only the resource itself has one.
        package var name: String?
        /// What the source says of it.
        package var version: String
        package var typeURL: String
        /// Nil where there is a name and nothing else: a sign of life for something that was sent with a time to live.
        package var body: [UInt8]?
    }

    /// What the response says of itself.
    package var typeURL: String
    package var version: String
    package var nonce: String
    package var offers: [Offer]
    package var removed: [String]
    /// What is not in it does not exist: the state of the world of a wildcard.
    package var isComplete: Bool
    /// Who answered.
    package var controlPlane: String

    /// Reads a message of a stream.
    package init(_ bytes: [UInt8], _ variant: DiscoverySettings.Variant) throws {
        switch variant {
        case .stateOfTheWorld:
            self.init(
                try Envoy_Service_Discovery_V3_DiscoveryResponse(
                    serializedBytes: bytes, options: ConfigDecoder.binaryOptions))
        case .delta:
            let response = try Envoy_Service_Discovery_V3_DeltaDiscoveryResponse(
                serializedBytes: bytes, options: ConfigDecoder.binaryOptions)
            self.init(response)
        }
    }

    /// What came before and is offered once more.
    init(replaying offers: [Offer], typeURL: String, version: String) {
        self.typeURL = typeURL
        self.version = version
        self.offers = offers
        nonce = ""
        removed = []
        isComplete = false
        controlPlane = ""
    }

    private init(_ response: Envoy_Service_Discovery_V3_DeltaDiscoveryResponse) {
        typeURL = response.typeURL
        version = response.systemVersionInfo
        nonce = response.nonce
        removed = response.removedResources
        isComplete = false
        controlPlane = response.controlPlane.identifier
        offers = response.resources.map(Offer.init)
    }

    /// A response of the state of the world, as a file holds one too.
    package init(_ response: Envoy_Service_Discovery_V3_DiscoveryResponse) {
        typeURL = response.typeURL
        version = response.versionInfo
        nonce = response.nonce
        removed = []
        isComplete = ResourceType(typeURL: response.typeURL)?.isWildcard ?? false
        controlPlane = response.controlPlane.identifier
        offers = response.resources.map { resource in
            // A resource may come wrapped, with its name and version beside it.
            if resource.messageName == Envoy_Service_Discovery_V3_Resource.protoMessageName,
                let wrapped = try? resource.unpack(Envoy_Service_Discovery_V3_Resource.self)
            {
                var offer = Offer(wrapped)
                if offer.version.isEmpty { offer.version = response.versionInfo }
                return offer
            }
            return Offer(
                name: nil, version: response.versionInfo, typeURL: resource.typeURL, body: [UInt8](resource.value))
        }
    }
}

extension DiscoveryUpdate.Offer {
    fileprivate init(_ resource: Envoy_Service_Discovery_V3_Resource) {
        self.init(
            name: resource.name, version: resource.version, typeURL: resource.resource.typeURL,
            body: resource.hasResource ? [UInt8](resource.resource.value) : nil)
    }
}
