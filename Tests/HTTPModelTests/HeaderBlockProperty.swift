import Bytes
import HTTPModel

/// What must hold for a block after any sequence of its verbs: it has the fields that a plain list has after the same.
/// Shared by the random test, the replayed corpus and the fuzzer, so it stops the process where it does not hold.
enum HeaderBlockProperty {
    /// A field as the list has it.
    private struct Field: Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    /// Each verb takes its number and what it works on from the bytes; what is missing at the end counts as 0.
    static func check(_ input: [UInt8]) {
        var bytes = input[...]
        func next() -> Int { Int(bytes.popFirst() ?? 0) }
        // Small to begin with, so that both pieces of memory have to grow.
        var block = HeaderBlock(fields: 4, bytes: 64)
        var model: [Field] = []
        while !bytes.isEmpty {
            let verb = next()
            switch verb % 14 {
            case 0, 1:
                let field = Field(name: name(next()), value: value(next(), next()))
                lend(field) { block.append($0, $1) }
                model.append(field)
            case 2:
                let known = KnownHeader(rawValue: UInt8(1 + next() % 63))
                let value = value(next(), next())
                value.withUnsafeBytes { block.append(known, $0) }
                model.append(Field(name: Array(known.name), value: value))
            case 3:
                let field = Field(name: name(next()), value: value(next(), next()))
                lend(field) { block.set($0, $1) }
                set(&model, field)
            case 4:
                let known = KnownHeader(rawValue: UInt8(1 + next() % 63))
                let value = value(next(), next())
                value.withUnsafeBytes { block.set(known, $0) }
                set(&model, Field(name: Array(known.name), value: value))
            case 5 where !model.isEmpty:
                let index = next() % model.count
                let value = value(next(), next())
                value.withUnsafeBytes { block.replaceValue(at: index, $0) }
                model[index].value = value
            case 6 where !model.isEmpty:
                let index = next() % model.count
                block.remove(at: index)
                model.remove(at: index)
            case 7:
                let name = name(next())
                let was = name.withUnsafeBytes { block.remove($0) }
                precondition(was == model.contains { $0.name == name }, "removed what was not there, or did not")
                model.removeAll { $0.name == name }
            case 8 where !model.isEmpty:
                // The value of another field, lent by the block itself.
                let index = next() % model.count
                let field = Field(name: name(next()), value: model[index].value)
                field.name.withUnsafeBytes { block.append($0, block.value(at: index)) }
                model.append(field)
            case 9 where !model.isEmpty:
                let known = KnownHeader(rawValue: UInt8(1 + next() % 63))
                let index = next() % model.count
                let value = model[index].value
                block.set(known, block.value(at: index))
                set(&model, Field(name: Array(known.name), value: value))
            case 10 where !model.isEmpty:
                let target = next() % model.count
                let source = next() % model.count
                block.replaceValue(at: target, block.value(at: source))
                model[target].value = model[source].value
            case 11:
                let number = next() << 56 | next() << 8 | next()
                block.set(.contentLength, decimal: number)
                set(&model, Field(name: Array("content-length".utf8), value: Array("\(number)".utf8)))
            case 12:
                var copy = HeaderBlock(fields: 4, bytes: 64)
                copy.copy(from: block)
                block = copy
            case 13 where verb > 200:
                block.reset()
                model = []
            default: break
            }
            compare(block, model)
        }
    }

    private static func compare(_ block: borrowing HeaderBlock, _ model: [Field]) {
        precondition(block.count == model.count, "another number of fields")
        precondition(block.byteCount == model.reduce(0) { $0 + $1.name.count + $1.value.count }, "another size")
        for (index, field) in model.enumerated() {
            precondition(block.name(at: index).elementsEqual(field.name), "another name")
            precondition(block.value(at: index).elementsEqual(field.value), "another value")
            let first = model.firstIndex { $0.name == field.name }
            field.name.withUnsafeBytes { name in
                precondition(block.firstIndex(of: name) == first, "another first of its name")
                precondition(block.valueCount(of: name) == model.count { $0.name == field.name }, "another number of values")
            }
            if let known = block.knownName(at: index) {
                precondition(block.has(known) && known.name.elementsEqual(field.name), "a known name that is not there")
            }
        }
        for raw in UInt8(1)...63 {
            let known = KnownHeader(rawValue: raw)
            precondition(block.has(known) == model.contains { known.name.elementsEqual($0.name) }, "has what is not there")
        }
    }

    private static func set(_ model: inout [Field], _ field: Field) {
        guard let first = model.firstIndex(where: { $0.name == field.name }) else { return model.append(field) }
        model[first] = field
        for index in model.indices.reversed() where index > first && model[index].name == field.name { model.remove(at: index) }
    }

    private static func lend(_ field: Field, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
        field.name.withUnsafeBytes { name in field.value.withUnsafeBytes { body(name, $0) } }
    }

    /// One of a few names, so that they meet again: known ones, short ones and long ones.
    private static func name(_ choice: Int) -> [UInt8] {
        choice % 4 == 0
            ? Array(KnownHeader(rawValue: UInt8(1 + choice / 4 % 63)).name)
            : Array("x-\(choice % 8)".utf8) + [UInt8](repeating: 0x61 + UInt8(choice % 4), count: choice / 8 * 3)
    }

    private static func value(_ length: Int, _ byte: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(byte % 95 + 32), count: length)
    }
}
