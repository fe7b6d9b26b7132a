; The grammar has comments between the colon and the block outside the block.
(function_definition ":" @body.after) @definition.function
(class_definition ":" @body.after) @definition.class

((assignment left: (identifier) @name) @definition.constant
  (#upper-case? @name))
(assignment left: (identifier) @name) @definition.variable

(import_statement) @reference.import
(import_from_statement) @reference.import
