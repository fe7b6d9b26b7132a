(function_definition) @definition.function
(variable_assignment name: (variable_name) @name) @definition.variable

((command name: (_) @command) @reference.import
  (#any-of? @command "source" "."))
