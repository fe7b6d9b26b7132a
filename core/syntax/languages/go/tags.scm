(function_declaration) @definition.function

; `(s *Server[T])` belongs to `Server`.
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @owner
    (generic_type type: (_) @owner)
    (pointer_type [(type_identifier) @owner (generic_type type: (_) @owner)])
  ]))
  name: (_) @name) @definition.method
(method_declaration) @definition.method

(type_spec type: (struct_type (field_declaration_list) @body)) @definition.struct
(type_spec type: (interface_type "{" @body)) @definition.interface
(type_spec) @definition.type
(type_alias type: (struct_type (field_declaration_list) @body)) @definition.struct
(type_alias type: (interface_type "{" @body)) @definition.interface
(type_alias) @definition.type

(const_spec) @definition.constant
(var_spec) @definition.variable

(import_declaration) @reference.import
