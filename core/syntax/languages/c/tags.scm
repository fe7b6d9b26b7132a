; Without a body they only name a type.
(struct_specifier body: (_)) @definition.struct
(union_specifier body: (_)) @definition.union
(enum_specifier body: (_)) @definition.enum

(preproc_def) @definition.macro
(preproc_function_def) @definition.macro

(type_definition declarator: (_) @declarator) @definition.type
(function_definition declarator: (_) @declarator) @definition.function
; A declaration of a function is one as well: see `declarator`.
(declaration declarator: (_) @declarator) @definition.variable
(field_declaration declarator: (_) @declarator) @definition.field

(preproc_include path: (string_literal)) @reference.import
