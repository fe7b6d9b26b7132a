(element (start_tag) @declarator) @definition.element
(element (self_closing_tag) @declarator) @definition.element
