(class_declaration) @definition.class
(struct_declaration) @definition.struct
(record_declaration) @definition.class
(interface_declaration) @definition.interface
(enum_declaration) @definition.enum
(delegate_declaration) @definition.type
(method_declaration) @definition.method
(constructor_declaration) @definition.method
(destructor_declaration) @definition.method
(local_function_statement) @definition.function
(property_declaration) @definition.field
(field_declaration (variable_declaration (variable_declarator name: (_) @name))) @definition.field
(event_field_declaration (variable_declaration (variable_declarator name: (_) @name))) @definition.field
(namespace_declaration) @definition.module

(using_directive) @reference.import
