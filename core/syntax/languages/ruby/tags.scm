(method) @definition.function
(singleton_method) @definition.function
(class) @definition.class
(module) @definition.module
(assignment left: (constant) @name) @definition.constant

((call method: (identifier) @method) @reference.import
  (#any-of? @method "require" "require_relative" "load" "autoload"))
