(function_item) @definition.function
(function_signature_item) @definition.function
(struct_item) @definition.struct
(enum_item) @definition.enum
(union_item) @definition.union
(trait_item) @definition.trait
(mod_item) @definition.module
(const_item) @definition.constant
(static_item) @definition.constant
(type_item) @definition.type
(associated_type) @definition.type
(macro_definition) @definition.macro
; Without its type arguments.
(impl_item type: (_) @name.bare) @definition.impl

(use_declaration) @reference.import
(mod_item) @reference.import
