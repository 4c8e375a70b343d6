/// The names of gRPC status codes as logs print them.
enum GRPCStatusName {
    /// Variants of `%GRPC_STATUS%`; camel case without an argument.
    static let snakeVariant: UInt8 = 1
    static let numberVariant: UInt8 = 2

    private static let names: [(camel: StaticString, snake: StaticString)] = [
        ("OK", "OK"), ("Canceled", "CANCELLED"), ("Unknown", "UNKNOWN"), ("InvalidArgument", "INVALID_ARGUMENT"),
        ("DeadlineExceeded", "DEADLINE_EXCEEDED"), ("NotFound", "NOT_FOUND"), ("AlreadyExists", "ALREADY_EXISTS"),
        ("PermissionDenied", "PERMISSION_DENIED"), ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
        ("FailedPrecondition", "FAILED_PRECONDITION"), ("Aborted", "ABORTED"), ("OutOfRange", "OUT_OF_RANGE"),
        ("Unimplemented", "UNIMPLEMENTED"), ("Internal", "INTERNAL"), ("Unavailable", "UNAVAILABLE"),
        ("DataLoss", "DATA_LOSS"), ("Unauthenticated", "UNAUTHENTICATED"),
    ]

    /// Nil for a code that gRPC does not define; it is printed as a number.
    static func name(_ status: UInt64, isSnake: Bool) -> StaticString? {
        guard status < UInt64(names.count) else { return nil }
        let name = names[Int(status)]
        return isSnake ? name.snake : name.camel
    }
}
