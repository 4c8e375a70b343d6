"""Writes EnvoySchema.swift and TypeRegistry+Generated.swift.

usage: generate-schema.py DESCRIPTOR_SET OUTPUT_FOLDER

The schema is one text table: for each message of Sources/ProxyModel/Protos its fields with types, oneofs and Envoy's
constraints, the fields that Envoy has and Heddle does not, and the names of all of Envoy's messages. Every field is
compared with Envoy's descriptors (PyPI xds-protos) first, so that a number typed wrongly cannot be committed.
"""

import importlib
import os
import sys

import envoy
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool

# Fields of Envoy 1.40 that the published descriptors do not have yet: message -> name -> (number, type).
NEWER_THAN_DESCRIPTORS = {
    "envoy.extensions.filters.http.lua.v3.Lua": {
        "filter_context": (6, "google.protobuf.Struct"),
        "package_paths": (7, "*string"),
        "package_cpaths": (8, "*string"),
        "shared_vm_id": (9, "string"),
    },
    "envoy.extensions.filters.http.lua.v3.LuaPerRoute": {
        "package_paths": (5, "*string"),
        "package_cpaths": (6, "*string"),
        "shared_vm_id": (7, "string"),
    },
}

FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS = {value: name[5:].lower() for name, value in FIELD.Type.items()}


def load_descriptors():
    """Imports every module of xds-protos, so that the pool knows all of Envoy's messages."""
    root = os.path.dirname(list(envoy.__path__)[0])
    modules = []
    for package in ("envoy", "udpa", "xds", "validate"):
        for folder, _, files in sorted(os.walk(os.path.join(root, package))):
            for file in sorted(files):
                if file.endswith("_pb2.py"):
                    path = os.path.relpath(os.path.join(folder, file), root)
                    modules.append(importlib.import_module(path[:-3].replace("/", ".")))
    return descriptor_pool.Default(), modules


def type_name(field):
    """The type of a field of Envoy's descriptors in the table's notation."""
    message, enum = field.message_type, field.enum_type
    if message is not None and message.GetOptions().map_entry:
        key, value = message.fields_by_name["key"], message.fields_by_name["value"]
        return f"map<{type_name(key)},{type_name(value)}>"
    name = message.full_name if message is not None else "=" + enum.full_name if enum is not None else SCALARS[field.type]
    return ("*" if field.is_repeated else "") + name


def number_text(value):
    return repr(value) if isinstance(value, float) and value != int(value) else str(int(value))


def rule_tokens(rules, prefix=""):
    """Envoy's constraints on one field, as the table's tokens; None where the table has no word for one."""
    for outer, value in rules.ListFields():
        kind = outer.name
        if kind in ("message", "any", "duration", "map") and getattr(value, "required", False):
            yield prefix + "required"
        if kind == "message" or kind == "any":
            continue
        for inner, limit in value.ListFields():
            name = inner.name
            if name == "ignore_empty":
                yield prefix + "ignore_empty"
                continue
            if name in ("required", "strict", "defined_only"):
                continue
            if kind == "duration" and name in ("gt", "gte", "lt", "lte"):
                yield f"{prefix}{name}={number_text(limit.seconds + limit.nanos / 1e9)}s"
            elif kind in ("string", "bytes") and name in ("min_len", "min_bytes"):
                yield f"{prefix}min={limit}"
            elif kind in ("string", "bytes") and name in ("max_len", "max_bytes"):
                yield f"{prefix}max={limit}"
            elif kind == "string" and name == "in":
                yield f"{prefix}in=" + ",".join(limit)
            elif kind == "string" and name == "prefix":
                yield f"{prefix}prefix={limit}"
            elif kind == "string" and name == "suffix":
                yield f"{prefix}suffix={limit}"
            elif kind == "string" and name == "pattern" and limit == "^[^?#]+[^?#/]$":
                yield prefix + "path_prefix"
            elif kind == "string" and name == "well_known_regex":
                loose = "" if value.strict or not value.HasField("strict") else "loose_"
                yield prefix + loose + ("header_name" if limit == 1 else "header_value")
            elif kind == "enum" and name == "not_in":
                yield f"{prefix}not_in=" + ",".join(str(each) for each in limit)
            elif kind == "bool" and name == "const":
                yield f"{prefix}const={'true' if limit else 'false'}"
            elif kind == "repeated" and name == "min_items":
                yield f"{prefix}min_items={limit}"
            elif kind == "repeated" and name == "max_items":
                yield f"{prefix}max_items={limit}"
            elif kind == "repeated" and name == "unique":
                yield prefix + "unique"
            elif kind == "repeated" and name == "items":
                yield from rule_tokens(limit, prefix + "item.")
            elif kind == "map" and name == "min_pairs":
                yield f"{prefix}min_items={limit}"
            elif kind == "map" and name == "keys":
                yield from rule_tokens(limit, prefix + "key.")
            elif kind == "map" and name == "values":
                yield from rule_tokens(limit, prefix + "item.")
            elif name in ("gt", "gte", "lt", "lte"):
                yield f"{prefix}{name}={number_text(limit)}"
            else:
                sys.exit(f"generate-schema.py: no word for the constraint {kind}.{name}")


class Table:
    def __init__(self, pool, rules, oneof_required):
        self.pool, self.rules, self.oneof_required = pool, rules, oneof_required
        self.lines, self.supported, self.enums = [], [], {}

    def theirs(self, name):
        try:
            return self.pool.FindMessageTypeByName(name)
        except KeyError:
            return None

    def message(self, name, proto, own_pool):
        ours = own_pool.FindMessageTypeByName(name)
        theirs = self.theirs(name)
        if theirs is None and not name.startswith("heddle."):
            sys.exit(f"generate-schema.py: Envoy has no message {name}")
        self.supported.append(name)
        self.lines.append("m " + name)
        newer = NEWER_THAN_DESCRIPTORS.get(name, {})
        for field in ours.fields:
            self.lines.append(self.field(name, field, theirs, newer))
        if theirs is not None:
            self.leftovers(ours, theirs, newer)
        for nested in proto.nested_type:
            if not nested.options.map_entry:
                self.message(f"{name}.{nested.name}", nested, own_pool)
        for nested in proto.enum_type:
            self.enum(f"{name}.{nested.name}", nested)

    def field(self, name, field, theirs, newer):
        kind = type_name(field)
        words = [str(field.number), field.name, kind]
        if field.containing_oneof is not None:
            words.append("@" + field.containing_oneof.name)
        if theirs is None:
            return " ".join(words)
        other = theirs.fields_by_name.get(field.name)
        if other is None:
            expected = newer.get(field.name)
            if expected != (field.number, kind):
                sys.exit(f"generate-schema.py: {name}.{field.name} is {field.number} {kind}, not {expected}")
            return " ".join(words)
        if (other.number, type_name(other)) != (field.number, kind):
            sys.exit(f"generate-schema.py: {name}.{field.name} is not {other.number} {type_name(other)}")
        oneof = lambda one: one.containing_oneof.name if one.containing_oneof is not None else None
        if oneof(other) != oneof(field):
            sys.exit(f"generate-schema.py: {name}.{field.name} is not in oneof {oneof(other)}")
        words += rule_tokens(other.GetOptions().Extensions[self.rules])
        return " ".join(words)

    def leftovers(self, ours, theirs, newer):
        for oneof in theirs.oneofs:
            if oneof.GetOptions().Extensions[self.oneof_required]:
                self.lines.append("o " + oneof.name)
        other = [
            f"{field.number}:{field.name}" + ("!" if field.GetOptions().deprecated else "")
            for field in theirs.fields
            if field.name not in ours.fields_by_name
        ]
        other += [f"{number}:{name}" for name, (number, _) in newer.items() if name not in ours.fields_by_name]
        if other:
            self.lines.append("- " + " ".join(other))

    def enum(self, name, proto):
        self.lines.append("e " + name)
        theirs = {} if name.startswith("heddle.") else {
            value.name: value.number for value in self.pool.FindEnumTypeByName(name).values
        }
        for value in proto.value:
            if theirs and theirs.get(value.name) != value.number:
                sys.exit(f"generate-schema.py: {name}.{value.name} is not {theirs.get(value.name)}")
            self.lines.append(f"{value.number} {value.name}")
        ours = {value.name for value in proto.value}
        other = [f"{number}:{value}" for value, number in theirs.items() if value not in ours]
        if other:
            self.lines.append("- " + " ".join(other))

    def known_types(self, modules):
        """All messages that a type URL can name, one line a package."""
        packages = {}
        for module in modules:
            package = module.DESCRIPTOR.package
            if package.startswith(("envoy.extensions", "envoy.config", "envoy.service", "xds.type", "udpa.type")):
                for name in module.DESCRIPTOR.message_types_by_name:
                    if f"{package}.{name}" not in self.supported:
                        packages.setdefault(package, set()).add(name)
        for package in sorted(packages):
            self.lines.append(f"t {package} " + " ".join(sorted(packages[package])))


def swift_name(full_name, package):
    prefix = "_".join(part[:1].upper() + part[1:] for part in camel(package).split("."))
    return prefix + "_" + full_name[len(package) + 1 :]


def camel(package):
    """The package as protoc-gen-swift spells it: each part's words capitalised, underscores gone."""
    return ".".join("".join(word[:1].upper() + word[1:] for word in part.split("_")) for part in package.split("."))


def main():
    descriptors, output = sys.argv[1:]
    files = descriptor_pb2.FileDescriptorSet()
    with open(descriptors, "rb") as file:
        files.ParseFromString(file.read())
    own_pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        own_pool.Add(file)

    pool, modules = load_descriptors()
    validate = importlib.import_module("validate.validate_pb2")
    table = Table(pool, validate.rules, validate.required)
    top = []
    for file in sorted(files.file, key=lambda file: file.name):
        if file.package == "google.protobuf":
            continue
        for message in file.message_type:
            table.message(f"{file.package}.{message.name}", message, own_pool)
            top.append((f"{file.package}.{message.name}", file.package))
        for enum in file.enum_type:
            table.enum(f"{file.package}.{enum.name}", enum)
    table.known_types(modules)

    note = "// Written by scripts/generate-protos; do not edit.\n// swift-format-ignore-file\n\n"
    with open(os.path.join(output, "EnvoySchema.swift"), "w") as file:
        file.write(note + '/// What Heddle and Envoy know about each message; the notation is described at ``Schema``.\n')
        file.write('let envoySchemaTable: StaticString = #"""\n' + "\n".join(table.lines) + '\n"""#\n')
    with open(os.path.join(output, "TypeRegistry+Generated.swift"), "w") as file:
        file.write(note + "import SwiftProtobuf\n\n")
        file.write("/// The messages that a type URL can name, as their full names with the generated types.\n")
        file.write("let generatedMessageTypes: [(name: String, type: any SwiftProtobuf.Message.Type)] = [\n")
        for name, package in top:
            file.write(f'    ("{name}", {swift_name(name, package)}.self),\n')
        file.write("]\n")


main()
