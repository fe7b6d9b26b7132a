(class_declaration "interface") @definition.interface
(class_declaration (enum_class_body)) @definition.enum
(class_declaration) @definition.class
(object_declaration) @definition.class
(function_declaration) @definition.function
(type_alias type: (_) @name) @definition.type
(property_declaration "val" (variable_declaration (identifier) @name)) @definition.constant
(property_declaration (variable_declaration (identifier) @name)) @definition.variable

(import) @reference.import
