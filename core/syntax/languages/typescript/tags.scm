(function_signature) @definition.function
(abstract_class_declaration) @definition.class
(method_signature) @definition.method
(abstract_method_signature) @definition.method
(interface_declaration) @definition.interface
(enum_declaration) @definition.enum
(type_alias_declaration) @definition.type
(internal_module) @definition.module
(module) @definition.module

(public_field_definition value: [(arrow_function) (function_expression) (generator_function)] @body.of)
  @definition.method
(public_field_definition value: (class) @body.of) @definition.class
(public_field_definition) @definition.field
