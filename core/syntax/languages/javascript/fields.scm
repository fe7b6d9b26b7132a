(field_definition property: (_) @name
  value: [(arrow_function) (function_expression) (generator_function)] @body.of) @definition.method
(field_definition property: (_) @name value: (class) @body.of) @definition.class
(field_definition property: (_) @name) @definition.field
