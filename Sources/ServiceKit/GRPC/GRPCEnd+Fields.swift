import Bytes
import HTTPCodec
import HTTPModel

extension GRPCEnd {
    /// Reads how a call ended out of a head or trailers; nil when they do not say so.
    init?(fields: borrowing HeaderBlock, isTrailers: Bool) {
        let status = fields.status
        if let code = fields.get(UnsafeRawBufferPointer("grpc-status")) {
            var message = ByteWriter(capacity: 64)
            if let text = fields.get(UnsafeRawBufferPointer("grpc-message")) {
                GRPCHeaders.readMessage(text, to: &message)
            }
            let known = GRPCStatus(headerValue: code)
            let name = known?.name.description ?? code.text
            self.init(
                code: (known ?? .unknown).rawValue, message: message.isEmpty ? name : "\(name): \(message.text)")
        } else if status != 200, status != 0 || !isTrailers {
            self.init(code: GRPCStatus(httpStatus: status).rawValue, message: "the server answered \(status)")
        } else {
            return nil
        }
    }
}
