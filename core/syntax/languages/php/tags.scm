(function_definition) @definition.function
(method_declaration) @definition.method
(class_declaration) @definition.class
(interface_declaration) @definition.interface
(trait_declaration) @definition.trait
(enum_declaration) @definition.enum
(namespace_definition) @definition.module
(const_declaration (const_element (name) @name)) @definition.constant
(property_declaration (property_element name: (_) @name)) @definition.field

(namespace_use_declaration) @reference.import
(require_expression) @reference.import
(require_once_expression) @reference.import
(include_expression) @reference.import
(include_once_expression) @reference.import
