(function_declaration) @definition.function
(generator_function_declaration) @definition.function
(class_declaration) @definition.class
(method_definition) @definition.method

; A constant that holds a function is a function to its readers.
(variable_declarator name: (identifier) value: [(arrow_function) (function_expression) (generator_function)] @body.of)
  @definition.function
(variable_declarator name: (identifier) value: (class) @body.of) @definition.class
(variable_declarator name: (identifier)) @definition.constant

(import_statement) @reference.import
(export_statement source: (_)) @reference.import
((lexical_declaration (variable_declarator value: (call_expression function: (identifier) @function))) @reference.import
  (#any-of? @function "require"))
((variable_declaration (variable_declarator value: (call_expression function: (identifier) @function))) @reference.import
  (#any-of? @function "require"))
